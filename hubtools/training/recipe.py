"""Recipes: every number that training depends on, as data with a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.errors import ConfigError
from hubtools.tables import decode, read_toml

_PACKAGED = Path(__file__).parent / "recipes"
SCRATCH = "scratch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The shape of a GPT-2 made from the posts alone."""

    vocabulary: int
    """Tokens of the byte-level BPE, at most."""
    context: int
    """The longest text, in tokens."""
    layers: int
    width: int
    heads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained. Batches hold whole posts, each a row of its own."""

    name: str = ""
    learning_rate: float
    """The peak; linear from zero over the warm-up, then a cosine to zero."""
    passes: int
    tokens_per_step: int
    """The size of a batch, padding included."""
    warmup: float
    """Share of the steps."""
    weight_decay: float
    """On matrices only, not on biases, norms and embeddings of positions."""
    dropout: float
    clip: float
    """Largest norm of the gradient."""
    betas: tuple[float, float]
    scratch: Scratch | None = None


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
    if base == SCRATCH and recipe.scratch is None:
        raise ConfigError(
            f"the recipe {recipe.name!r} does not say the shape of a model from scratch",
            fix="Give it a [scratch] table, or leave --recipe out",
        )
    return recipe


def base_folder(base: str) -> Path | None:
    """The folder that a base lies in; None for one from scratch or on a Hub."""
    return Path(base) if base != SCRATCH and Path(base).is_dir() else None
