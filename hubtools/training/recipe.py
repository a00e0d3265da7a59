"""Recipes: every hyper-parameter of a training run, as data with a name."""

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
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Address = Annotated[str, Meta(pattern=r"^https://\S+$", max_length=2048)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The shape of a GPT-2 made from the posts alone (`--base scratch`)."""

    vocab_size: Annotated[int, Meta(ge=257)]
    """Of the byte-level BPE, at most; the bytes and the end of text are 257."""
    context_length: Annotated[int, Meta(ge=16)]
    """Tokens that the model reads at once."""
    n_layer: Count
    n_embd: Count
    n_head: Count

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Train on blocks cut from all posts joined into one text, as huggingtweets did."""

    block_size: Annotated[int, Meta(ge=8)]
    """Tokens; the base's context, if that is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """Choose the number of epochs by the validation loss, with a warmup–stable–decay schedule.

    The learning rate is constant until an epoch improves the validation loss by less than
    `min_delta`. It then decays linearly to zero over further epochs, which see all posts.
    """

    val_fraction: Annotated[float, Meta(gt=0, lt=0.5)]
    """Of the posts, the newest: the validation split."""
    min_delta: NotNegative
    """The smallest improvement that counts, as a fraction of the loss."""
    decay_ratio: Positive
    """Epochs of decay per constant epoch; rounded, at least one."""

    def decay_epochs(self, stable_epochs: int) -> int:
        """Epochs of decay after so many at a constant learning rate."""
        return max(1, round(self.decay_ratio * stable_epochs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Train a LoRA adapter; the base's own weights stay frozen."""

    rank: Count
    alpha: Positive
    """The adapter's output is scaled by alpha / rank."""
    target_modules: tuple[str, ...] | None = None
    """Names of the linear layers to adapt; absent: all but the language-model head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained: on one post a row, or with `packing` on blocks of many posts."""

    name: str = ""
    learning_rate: Positive
    """The peak; without `early_stopping` a linear warmup leads to it and a cosine to zero."""
    reference_width: Count | None = None
    """Hidden size that `learning_rate` is meant for; other bases scale it by 1 / hidden size."""
    epochs: Count
    """With `early_stopping`, the most."""
    tokens_per_step: Annotated[int, Meta(ge=8)]
    """Batch size in tokens, padding included."""
    warmup_ratio: Fraction
    """Of all steps."""
    weight_decay: NotNegative
    """On matrices only, not on biases and norms."""
    dropout: Fraction | None = None
    """Of embeddings and residuals, with none in attention; absent: as the base has it."""
    max_grad_norm: Positive
    """Gradients are clipped to this norm."""
    betas: tuple[Fraction, Fraction]
    """AdamW's."""
    ema_decay: Fraction = 0.0
    """Of an exponential moving average of the weights, which is what is kept; 0 keeps the last
    weights."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of arithmetic; weights are fp32. "auto" is bf16 on a GPU and fp32 on a CPU."""
    packing: Packing | None = None
    early_stopping: EarlyStopping | None = None
    scratch: Scratch | None = None
    lora: Lora | None = None
    report: Address | None = None
    """Where others can read how the recipe was found; cards link it."""

    def peak_learning_rate(self, hidden_size: int) -> float:
        """The peak for a base of that hidden size."""
        if self.reference_width is None:
            return self.learning_rate
        return float(f"{self.learning_rate * self.reference_width / hidden_size:.4g}")

    def total_epochs(self, stable_epochs: int | None) -> int:
        """All epochs; at most so many while `stable_epochs` is not known."""
        if self.early_stopping is None or stable_epochs is None:
            return self.epochs
        return stable_epochs + self.early_stopping.decay_epochs(stable_epochs)

    def __post_init__(self) -> None:
        stopping = self.early_stopping
        if stopping is not None and self.epochs < 1 + stopping.decay_epochs(1):
            raise ValueError("early_stopping needs more epochs")
        if stopping is not None and self.packing is not None:
            raise ValueError("early_stopping and packing exclude each other")
        if self.packing is not None and self.tokens_per_step % self.packing.block_size:
            raise ValueError("tokens_per_step must be a multiple of packing.block_size")


def load_recipe(name: str) -> Recipe:
    """Load the packaged recipe `name`, or the TOML file at that path.

    Raises ConfigError for an unknown name and for an invalid file.
    """
    file = _PACKAGED / f"{name}.toml"
    if not file.is_file():
        file = Path(name)
    if file.suffix != ".toml" or not file.is_file():
        known = ", ".join(sorted(path.stem for path in _PACKAGED.glob("*.toml")))
        raise ConfigError(f"unknown recipe {name!r}", fix=f"Use one of {known}, or a .toml file")
    recipe = decode(read_toml(file, ConfigError), Recipe, file, ConfigError)
    return replace(recipe, name=recipe.name or file.stem)


def recipe_for(base: str, wanted: str | None) -> Recipe:
    """Load the recipe `wanted`, or the default one for the base.

    Raises ConfigError for a recipe that the base cannot be trained with.
    """
    recipe = load_recipe(wanted or (SCRATCH if base == SCRATCH else "default"))
    if base == SCRATCH and recipe.lora is not None:
        raise ConfigError(
            "a LoRA adapter needs a pre-trained base",
            where=f"recipe {recipe.name}",
            fix="Set --base to a model on the Hub",
        )
    if base == SCRATCH and recipe.scratch is None:
        raise ConfigError(
            "the shape of a model from scratch is missing",
            where=f"recipe {recipe.name}",
            fix="Add a [scratch] table, or omit --recipe",
        )
    return recipe


def base_folder(base: str) -> Path | None:
    """The base's folder; None for one from scratch or on a Hub."""
    return Path(base) if base != SCRATCH and Path(base).is_dir() else None


def public_name(base: str) -> str:
    """A base as others may read it: only the last part of a folder's path."""
    folder = base_folder(base)
    return folder.resolve().name if folder else base
