"""The Card: everything known about one published model, kept in `cards/NAME.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from hubtools.core.results import Evaluation, PostCounts, Prediction, Training

Network = Literal["x", "mastodon", "bluesky", "file"]
State = Literal["published", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAccount:
    """One account as the card shows it; what is not known is absent."""

    handle: str | None = None
    name: str | None = None
    network: Network | None = None
    avatar: str | None = None
    posts: PostCounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """An address where a run, its data or a report on it can be seen."""

    kind: Literal["dataset", "training", "report"]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything that one model's card says; `repo` is the repository's name without namespace."""

    repo: str
    state: State = "published"
    body: Literal["own"] | None = None
    """"own": a person wrote the body; the README is the front matter and `prose`, nothing else."""
    language: str | tuple[str, ...] | None = None
    base_model: str | None = None
    """A repository id, or "scratch" for a model trained from random weights."""
    prompt: str | None = None
    tags: tuple[str, ...] = ()
    thumbnail: str | None = None
    accounts: tuple[CardAccount, ...] = ()
    handles: tuple[str, ...] = ()
    """Handles of the accounts, where it is not known which handle belongs to which account."""
    runs: tuple[RunLink, ...] = ()
    training: Training | None = None
    evaluation: Evaluation | None = None
    predictions: tuple[Prediction, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Front matter without a field here; a table `{yaml = "…"}` stands for that YAML verbatim."""
    comments: tuple[str, ...] = ()
    """Comments in the front matter, which move to its start."""
    prose: str | None = None
    """Markdown of the optional `cards/NAME.md`."""
    pulled: str | None = field(default=None, compare=False)
    """SHA-256 of the README on the Hub whose edits are in this card; not compared."""

    def _repr_html_(self) -> str:
        """How notebooks show a card."""
        from hubtools.core.html_templates import render_html

        return render_html("notebook", "card", card=self, thumbnail=None)


def present_fields(card: Card) -> dict[str, Any]:
    """The fields of `card` that are not empty, as mappings, lists and plain values."""
    data: dict[str, Any] = _present(msgspec.to_builtins(card))
    return data


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _present(v) for k, v in value.items() if v is not None and v not in ((), {})}
    return [_present(item) for item in value] if isinstance(value, tuple) else value
