"""Recipes: every number that training depends on, as data with a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from hubtools.core.errors import ConfigError
from hubtools.core.toml_tables import decode, read_toml

_PACKAGED = Path(__file__).parent / "recipes"
SCRATCH = "scratch"

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Address = Annotated[str, Meta(pattern=r"^https://\S+$", max_length=2048)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The shape of a GPT-2 made from the posts alone."""

    vocab_size: Annotated[int, Meta(ge=257)]
    """Tokens of the byte-level BPE, at most; one for each byte and the end of text, at least."""
    context_length: Annotated[int, Meta(ge=16)]
    """The longest text, in tokens."""
    n_layer: Count
    n_embd: Count
    n_head: Count

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """All posts as one text, cut into blocks wherever they end: how huggingtweets had it."""

    block_size: Annotated[int, Meta(ge=8)]
    """Tokens; at most what the base reads at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """How many passes: found by the loss on posts that are kept aside.

    The learning rate stays up until that loss falls by less than `min_delta` in a pass; then it falls
    in a line to zero over more passes, which see all posts.
    """

    val_fraction: Annotated[float, Meta(gt=0, lt=0.5)]
    """Of the posts, the newest, kept aside while passes are chosen."""
    min_delta: NotNegative
    """The least part of the loss by which one more pass must lower it."""
    decay_ratio: Positive
    """Passes in which the rate falls, for each in which it stayed up; rounded, at least one."""

    def falling(self, hold: int) -> int:
        """Passes in which the rate falls after `hold` passes in which it stayed up."""
        return max(1, round(self.decay_ratio * hold))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """A LoRA adapter on every matrix of the base's blocks; the base itself stays as it is."""

    rank: Count
    alpha: Positive
    """What the adapter says counts alpha / rank times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained: posts as rows of their own, or with `packing` as blocks."""

    name: str = ""
    learning_rate: Positive
    """The peak; linear from zero over the warm-up, then a cosine to zero."""
    reference_width: Count | None = None
    """The width of a base for which that rate is; others get more or less, by 1 / width."""
    epochs: Count
    """Over the posts; with `early_stopping`, at most."""
    tokens_per_step: Annotated[int, Meta(ge=8)]
    """The size of a batch, padding included."""
    warmup_ratio: Share
    """Share of the steps."""
    weight_decay: NotNegative
    """On matrices only, not on biases, norms and embeddings of positions."""
    dropout: Share | None = None
    """Of embeddings and residuals, none of attention; absent: all as the base has it."""
    max_grad_norm: Positive
    """Largest norm of the gradient."""
    betas: tuple[Share, Share]
    ema_decay: Share = 0.0
    """Of an exponential moving average of the weights, the share that a step leaves as it was; 0
    keeps the last weights."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of arithmetic, weights are always fp32; "auto" is bf16 on a GPU and fp32 on a CPU."""
    packing: Packing | None = None
    early_stopping: EarlyStopping | None = None
    scratch: Scratch | None = None
    lora: Lora | None = None
    report: Address | None = None
    """Where others can read how the recipe was found; cards link it."""

    def peak(self, width: int) -> float:
        """The largest learning rate for a base whose hidden states have that width."""
        if self.reference_width is None:
            return self.learning_rate
        return float(f"{self.learning_rate * self.reference_width / width:.4g}")

    def __post_init__(self) -> None:
        if self.early_stopping is not None and self.epochs < 1 + self.early_stopping.falling(1):
            raise ValueError("passes are too few to choose among")
        if self.early_stopping is not None and self.packing is not None:
            raise ValueError("choose does not go with stream")
        if self.packing is not None and self.tokens_per_step % self.packing.block_size:
            raise ValueError("tokens_per_step must be a multiple of packing.block_size")


def load_recipe(name: str) -> Recipe:
    """The packaged recipe `name`, or the one in the TOML file of that path.

    Raises ConfigError for a name that is neither (with those there are) and for a broken file.
    """
    file = _PACKAGED / f"{name}.toml"
    if not file.is_file():
        file = Path(name)
    if file.suffix != ".toml" or not file.is_file():
        known = ", ".join(sorted(path.stem for path in _PACKAGED.glob("*.toml")))
        raise ConfigError(f"no recipe {name!r}", fix=f"Known: {known}; or give a .toml file")
    recipe = decode(read_toml(file, ConfigError), Recipe, file, ConfigError)
    return replace(recipe, name=recipe.name or file.stem)


def recipe_for(base: str, wanted: str | None) -> Recipe:
    """The recipe that was asked for, or the one that fits the base.

    Raises ConfigError when a base from scratch meets a recipe that does not say its shape.
    """
    recipe = load_recipe(wanted or (SCRATCH if base == SCRATCH else "default"))
    if base == SCRATCH and recipe.lora is not None:
        raise ConfigError(
            "an adapter needs a base that has learned from other text, not one from scratch",
            fix="Give --base a model on the Hub",
        )
    if base == SCRATCH and recipe.scratch is None:
        raise ConfigError(
            f"the recipe {recipe.name!r} does not say the shape of a model from scratch",
            fix="Give it a [scratch] table, or leave --recipe out",
        )
    return recipe


def base_folder(base: str) -> Path | None:
    """The folder that a base lies in; None for one from scratch or on a Hub."""
    return Path(base) if base != SCRATCH and Path(base).is_dir() else None
