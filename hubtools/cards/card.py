"""The Card: all that is known of one published model. Its file is `cards/NAME.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hubtools.core.results import Evaluation, PostCounts, Prediction, Training

State = Literal["published", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAccount:
    """One account as the card shows it. What is not known is absent."""

    handle: str | None = None
    name: str | None = None
    network: Literal["x", "mastodon", "bluesky", "file"] | None = None
    avatar: str | None = None
    posts: PostCounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """An address where a run, its data or a report on it can be seen."""

    kind: Literal["dataset", "training", "report"]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that one model's card says. `repo` is the repository's name without the namespace."""

    repo: str
    state: State = "published"
    body: Literal["own"] | None = None
    """"own": below the front matter stands `prose` and nothing of ours, as a person wrote it."""
    language: str | tuple[str, ...] | None = None
    base_model: str | None = None
    """A repository id, or "scratch" for a model that was trained from posts alone."""
    prompt: str | None = None
    tags: tuple[str, ...] = ()
    thumbnail: str | None = None
    accounts: tuple[CardAccount, ...] = ()
    handles: tuple[str, ...] = ()
    """Handles of the accounts, where it is not known which of them has which."""
    runs: tuple[RunLink, ...] = ()
    training: Training | None = None
    evaluation: Evaluation | None = None
    predictions: tuple[Prediction, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Front matter that we do not model; a table `{yaml = "…"}` stands for that YAML as it is."""
    comments: tuple[str, ...] = ()
    """Comments of the front matter, which stand at its head."""
    prose: str | None = None
    """Markdown of the optional `cards/NAME.md`."""
    pulled: str | None = field(default=None, compare=False)
    """The SHA-256 of a README on the Hub whose edits are in this card; about it, not part of it."""

    def _repr_html_(self) -> str:
        """How notebooks show a card."""
        from hubtools.core.notebook import render_fragment

        return render_fragment("card", card=self, thumbnail=None)
