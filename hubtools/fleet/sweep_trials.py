"""The trials of a sweep: the numbers that are varied, and how a recipe is scored."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.corpus.corpus import KeptPost
from hubtools.corpus.split import split_posts
from hubtools.training.data import prepare
from hubtools.training.evaluate import evaluate
from hubtools.training.lora import add_adapter
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import Recipe
from hubtools.training.trainer import Trainer

_LEARNING_RATE_FACTORS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    project: Project
    sources: tuple[str, ...]
    """Each is one account."""
    base: str
    recipe: str | None
    """The first trial, whose numbers the search varies; None is the one that fits the base."""
    trials: int
    seed: int
    cleaning: str = "voice"
    language: str | None = None
    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class SweepAccount:
    """The posts of one account, in three splits that share none."""

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStart:
    """What all trials have in common."""

    base: str
    recipe: Recipe
    seed: int
    accounts: tuple[SweepAccount, ...]


@dataclass(frozen=True, slots=True)
class SweepTrial:
    """One recipe that was tried; number 1 is the start."""

    number: int
    values: Mapping[str, float | int]
    bits_per_byte: tuple[float, ...]
    """On the validation split of each account that it got to."""
    seconds: float

    @property
    def mean(self) -> float:
        return fmean(self.bits_per_byte)


def search_space(recipe: Recipe) -> dict[str, tuple[float | int, ...]]:
    """The numbers of a recipe that are varied, and the values tried for each."""
    rate = recipe.learning_rate
    space: dict[str, tuple[float | int, ...]] = {
        "learning_rate": tuple(float(f"{rate * f:.4g}") for f in _LEARNING_RATE_FACTORS),
        "epochs": tuple(sorted({max(1, round(recipe.epochs * f)) for f in (0.5, 1, 1.5, 2)})),
        "tokens_per_step": tuple(recipe.tokens_per_step * f // 2 for f in (1, 2, 4)),
        "warmup_ratio": (0.0, 0.05, 0.15),
        "weight_decay": (0.0, 0.1, 0.5, 1.0),
        "ema_decay": (0.0, 0.97, 0.99),
    }
    if recipe.early_stopping is not None:
        space["min_delta"] = (0.003, 0.01, 0.03)
        space["decay_ratio"] = (0.25, 0.5, 1.0)
    if recipe.lora is not None:
        space["rank"] = (4, 8, 16, 32)
    else:
        space["dropout"] = (0.0, 0.05, 0.1, 0.2)
    return space


def with_values(recipe: Recipe, values: Mapping[str, float | int]) -> Recipe:
    """The recipe with these numbers, as `search_space` names them."""
    changes: dict[str, Any] = dict(values)
    if recipe.early_stopping is not None:
        names = [name for name in ("min_delta", "decay_ratio") if name in changes]
        schedule = {name: changes.pop(name) for name in names}
        changes["early_stopping"] = replace(recipe.early_stopping, **schedule)
    if recipe.lora is not None and "rank" in changes:
        rank = int(changes.pop("rank"))
        alpha = recipe.lora.alpha / recipe.lora.rank * rank
        changes["lora"] = replace(recipe.lora, rank=rank, alpha=alpha)
    return replace(recipe, **changes)


def values_of(recipe: Recipe) -> dict[str, float | int]:
    """The recipe's own numbers, by the names of `search_space`."""
    owners: dict[str, object] = {
        "rank": recipe.lora,
        "min_delta": recipe.early_stopping,
        "decay_ratio": recipe.early_stopping,
    }
    found = {name: getattr(owners.get(name, recipe), name) for name in search_space(recipe)}
    return {name: 0.0 if value is None else value for name, value in found.items()}


def score(
    models: ModelCache,
    start: SweepStart,
    recipe: Recipe,
    train: Sequence[str],
    scored: Sequence[str],
    cancel: CancelToken,
) -> float:
    """Bits per byte on `scored` of a model trained on `train`; the model is not kept."""
    cancel.raise_if_cancelled()
    with models.turn(), tempfile.TemporaryDirectory() as folder:
        base = models.load(start.base, recipe, train, start.seed)
        stopping = recipe.early_stopping
        split = split_posts(
            [KeptPost(text, None) for text in train],
            val_fraction=stopping.val_fraction if stopping else 0.0,
            test_fraction=0.0,
        )
        data = prepare(base, [split], recipe)
        if recipe.lora is not None:
            add_adapter(base.model, recipe.lora, start.seed)
        checkpoint = Path(folder) / "checkpoint"
        Trainer(base, data, recipe, seed=start.seed, checkpoint=checkpoint, cancel=cancel).train()
        return evaluate(base, scored).bits_per_byte
