"""A card's front matter as data: what the Hub reads of it, in the order in which it is shown.

Keys and values are those of https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from typing import Any

from hubtools.cards.model import Card, Evaluation

SCRATCH = "scratch"


def front_matter(card: Card, thumbnail: str | None) -> dict[str, Any]:
    """The front matter of `card`; what `[metadata]` says wins over what we would say.

    `thumbnail` is the address of the picture in the repository, used where the card names none.
    """
    data: dict[str, Any] = {
        "language": list(card.language) if isinstance(card.language, tuple) else card.language,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": card.base_model if card.base_model != SCRATCH else None,
        "base_model_relation": "finetune" if _has_base(card) else None,
        "tags": list(card.tags) or None,
        "thumbnail": card.thumbnail or thumbnail,
        "widget": _widget(card),
        "model-index": _model_index(card),
    }
    data.update(card.metadata)
    return {key: value for key, value in data.items() if value is not None}


def _has_base(card: Card) -> bool:
    return card.base_model not in (None, SCRATCH)


def _widget(card: Card) -> list[dict[str, Any]] | None:
    if card.prompt is None:
        return None
    widget: dict[str, Any] = {"text": card.prompt}
    example = next((p.text for p in card.predictions if p.prompt == card.prompt), None)
    if example is not None:
        widget["output"] = {"text": example}
    return [widget]


def _model_index(card: Card) -> list[dict[str, Any]] | None:
    if card.evaluation is None:
        return None
    return [
        {
            "name": card.repo,
            "results": [
                {
                    "task": {"type": "text-generation"},
                    "dataset": {"name": "held-out posts", "type": "held-out-posts"},
                    "metrics": _metrics(card.evaluation),
                }
            ],
        }
    ]


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {"type": "loss", "name": "Loss a token", "value": evaluation.loss},
        {"type": "bits_per_byte", "name": "Bits per byte", "value": evaluation.bits_per_byte},
        {"type": "memorised", "name": "Repeated training text", "value": evaluation.memorised},
    ]
