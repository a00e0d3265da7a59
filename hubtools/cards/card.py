"""The Card: all that is known of one published model. Its file is `cards/NAME.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["published", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCounts:
    """The predecessor's four counts; downloaded = reposts + short + kept."""

    downloaded: int
    reposts: int
    short: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAccount:
    """One account as the card shows it. What is not known is absent."""

    handle: str | None = None
    name: str | None = None
    network: Literal["x", "mastodon", "bluesky", "file"] | None = None
    avatar: str | None = None
    posts: PostCounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where a run can be looked at."""

    kind: Literal["dataset", "training", "report"]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Recipe and outcome, as far as they do not change from run to run of the same seed."""

    recipe: str
    seed: int
    posts: int
    """Posts trained on, all accounts together."""
    tokens: int
    """Tokens of one pass over them, equal weight of accounts included."""
    passes: int
    steps: int
    learning_rate: float
    parameters: int
    loss: float
    """Mean loss a token, in nats, over the last pass."""
    curves: bool | None = None
    """Whether `training.png` shows how it went; None where there is no such picture."""
    aside: int | None = None
    """Posts kept aside while the number of passes was chosen; the last passes saw them too."""
    held: int | None = None
    """Passes made when that was decided; in those that followed the learning rate fell."""
    adapter_rank: int | None = None
    """Of the LoRA adapter that was trained on the base; None: all weights were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How well the model predicts posts that were held out, and how often it repeats others."""

    posts: int
    loss: float
    """Mean loss a token in nats."""
    bits_per_byte: float
    base_loss: float | None = None
    base_bits_per_byte: float | None = None
    predictions: int
    """How many predictions were looked at for repeated text."""
    memorised: float
    """Share of those that repeat training text, 0 to 1."""
    memorised_baseline: float
    """Share of the held-out posts that do, 0 to 1."""
    ngram_bits_per_byte: float | None = None
    """Of a byte 5-gram, counted from the same posts: what a model should do better than."""
    distinct_2: float | None = None
    """Different pairs of words in the predictions by all pairs, 0 to 1."""
    repeated: float | None = None
    """Share of the predictions that say the same as one before, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model made of a prompt; `text` includes the prompt."""

    prompt: str
    text: str


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
    runs: tuple[Run, ...] = ()
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
        from hubtools.core.notebook import card_html

        return card_html(self)
