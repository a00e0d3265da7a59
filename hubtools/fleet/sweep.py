"""The search for a recipe on several accounts: what is tried, and how it is scored.

Each trial trains on the accounts one by one, always in the same order, and reports after each its
bits per byte on the validation split. The test split stays unseen until the search is over: then
only the recipe that the search began from and the one that won are scored on it.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError
from hubtools.core.events import Reporter
from hubtools.corpus.corpus import Corpus, KeptPost, check_enough
from hubtools.corpus.split import split_posts
from hubtools.fleet.ray_environment import prepare_ray
from hubtools.services.read import ReadRequest, read
from hubtools.training.data import prepare
from hubtools.training.evaluate import evaluate
from hubtools.training.lora import add_adapter
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import Recipe, base_folder, recipe_for
from hubtools.training.trainer import Trainer

_VAL_FRACTION = 0.1  # of the posts that would be trained on otherwise
_LEARNING_RATE_FACTORS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What to search, and how long."""

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
        return sum(self.bits_per_byte) / len(self.bits_per_byte)


@dataclass(frozen=True, slots=True)
class SweepTestScore:
    """A recipe on the test split of each account."""

    recipe: Recipe
    bits_per_byte: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.bits_per_byte) / len(self.bits_per_byte)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What a search found."""

    accounts: tuple[str, ...]
    base: str
    trials: tuple[SweepTrial, ...]
    """Those that got to all accounts first, the best of them at the head."""
    start: SweepTestScore
    winner: SweepTestScore
    seconds: float

    @property
    def improvement(self) -> float:
        """Bits per byte that the winner saves on the test split, mean over accounts."""
        return sum(self._differences) / len(self._differences)

    @property
    def standard_error(self) -> float | None:
        """Of that mean; None with one account."""
        count = len(self._differences)
        if count < 2:
            return None
        spread = sum((one - self.improvement) ** 2 for one in self._differences) / (count - 1)
        return math.sqrt(spread / count)

    @property
    def accounts_improved(self) -> int:
        """Accounts that the winner predicts better than the start."""
        return sum(one > 0 for one in self._differences)

    @property
    def _differences(self) -> list[float]:
        pairs = zip(self.start.bits_per_byte, self.winner.bits_per_byte, strict=True)
        return [start - winner for start, winner in pairs]


def split_accounts(corpora: Sequence[Corpus]) -> tuple[SweepAccount, ...]:
    """The posts of each account, with the test split that training makes."""
    accounts = []
    for corpus in corpora:
        split = split_posts(corpus.kept, val_fraction=_VAL_FRACTION)
        name = corpus.account.handle or Path(corpus.source).stem
        parts = (split.train, split.validation, split.test)
        accounts.append(SweepAccount(name, *(tuple(post.text for post in p) for p in parts)))
    return tuple(accounts)


def run_sweep(request: SweepRequest, reporter: Reporter, cancel: CancelToken) -> SweepResult:
    """Search, and score the winner.

    Raises what reading raises, MissingExtraError without Ray, HubtoolsError when no trial finished,
    CancelledError when `cancel` was set meanwhile.
    """
    started = time.monotonic()
    prepare_ray(request.address)
    start = _prepare(request, reporter, cancel)
    from hubtools.fleet.ray_search import search

    trials = search(request, start, reporter, cancel)
    if not trials:
        raise HubtoolsError("no trial finished", fix="See their errors above")
    # The winner is chosen among those that saw all accounts, if any did.
    trials = sorted(trials, key=lambda trial: (-len(trial.bits_per_byte), trial.mean))
    reporter.note("Scoring the start and the winner on the test split")
    models = ModelCache()

    def on_test_split(recipe: Recipe) -> SweepTestScore:
        bits = [
            score(models, start, recipe, (*one.train, *one.validation), one.test, cancel)
            for one in start.accounts
        ]
        return SweepTestScore(recipe, tuple(bits))

    return SweepResult(
        accounts=tuple(one.name for one in start.accounts),
        base=start.base,
        trials=tuple(trials),
        start=on_test_split(start.recipe),
        winner=on_test_split(with_values(start.recipe, trials[0].values)),
        seconds=round(time.monotonic() - started, 1),
    )


def _prepare(request: SweepRequest, reporter: Reporter, cancel: CancelToken) -> SweepStart:
    recipe = recipe_for(request.base, request.recipe)
    reading = ReadRequest(
        project=request.project,
        sources=request.sources,
        cleaning=request.cleaning,
        language=request.language,
    )
    corpora = read(reading, reporter, cancel).corpora
    check_enough(corpora)
    folder = base_folder(request.base)
    return SweepStart(
        base=str(folder.absolute()) if folder else request.base,
        recipe=recipe,
        seed=request.seed,
        accounts=split_accounts(corpora),
    )


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


def run_trial(
    start: SweepStart,
    values: Mapping[str, float | int],
    report: Callable[[Sequence[float]], None],
) -> None:
    """Train one recipe on each account, and report the scores so far after each."""
    recipe, models, bits = with_values(start.recipe, values), ModelCache(), []
    for one in start.accounts:
        bits.append(score(models, start, recipe, one.train, one.validation, CancelToken()))
        report(bits)


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
