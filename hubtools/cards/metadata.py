"""A card's front matter as data, in the order in which a README shows it.

Keys and values are those of https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.yaml_reader import to_yaml
from hubtools.core.results import Evaluation

SCRATCH = "scratch"
_GENERATED = ("library_name", "pipeline_tag", "base_model_relation", "model-index")
_OF_THE_RETIRED = ("license", "license_name", "license_link")


def front_matter(card: Card, thumbnail: str | None) -> dict[str, Any]:
    """The front matter of `card`; `[metadata]` overrides everything else.

    `thumbnail` is the address of the picture in the repository, for a card that names none. A card
    with `body = "own"` gets no keys that it does not have; a retired one keeps only its license.
    """
    data: dict[str, Any] = {
        "language": list(card.language) if isinstance(card.language, tuple) else card.language,
        "library_name": "peft" if is_adapter(card) else "transformers",
        "pipeline_tag": "text-generation",
        "base_model": card.base_model if card.base_model != SCRATCH else None,
        "base_model_relation": _relation(card),
        "tags": list(card.tags) or None,
        "thumbnail": card.thumbnail or thumbnail,
        "widget": _widget(card),
        "model-index": _model_index(card),
    }
    metadata = card.metadata
    if card.state == "retired":
        data = {"tags": ["retired"]}
        metadata = {key: metadata[key] for key in _OF_THE_RETIRED if key in metadata}
    elif card.body == "own":
        widget = None if card.prompt is None else [{"text": card.prompt}]
        data = {key: value for key, value in data.items() if key not in _GENERATED}
        data |= {"base_model": card.base_model, "thumbnail": card.thumbnail, "widget": widget}
    if metadata:
        data.update({key: to_yaml(value) for key, value in metadata.items()})
    return {key: value for key, value in data.items() if value is not None}


def split_modelled(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The part of the front matter that a Card has fields for, as those fields, and the rest.

    A value that does not fit its field stays in the rest: a language that is not text, a widget
    with a title, an empty list.
    """
    modelled: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in data.items():
        if key == "widget" and _is_prompt(value):
            modelled["prompt"] = value[0]["text"]
        elif key in ("language", "tags") and _is_texts(value):
            modelled[key] = tuple(value)
        elif key in ("language", "base_model", "thumbnail") and isinstance(value, str) and value:
            modelled[key] = value
        else:
            rest[key] = value
    return modelled, rest


def _is_prompt(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        return False
    return list(value[0]) == ["text"] and isinstance(value[0]["text"], str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def is_adapter(card: Card) -> bool:
    """Whether the repository holds only a LoRA adapter."""
    return card.training is not None and card.training.lora_rank is not None


def _relation(card: Card) -> str | None:
    if card.base_model in (None, SCRATCH):
        return None
    return "adapter" if is_adapter(card) else "finetune"


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
                    "dataset": {"name": "posts", "type": "posts", "split": "test"},
                    "metrics": _metrics(card.evaluation),
                }
            ],
        }
    ]


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    named = (
        ("loss", "Test loss", evaluation.test_loss),
        ("perplexity", "Perplexity", evaluation.perplexity),
        ("bits_per_byte", "Bits per byte", evaluation.bits_per_byte),
        ("memorized_fraction", "Memorized fraction", evaluation.memorized_fraction),
    )
    return [
        {"type": type, "name": name, "value": value}
        for type, name, value in named
        if value is not None
    ]
