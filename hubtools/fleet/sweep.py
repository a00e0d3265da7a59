"""The search for a recipe on several accounts: what is tried, and how it is scored.

Each trial trains on the accounts one by one, always in the same order, and reports after each its
bits per byte on the validation split. The test split stays unseen until the search is over: then
only the recipe that the search began from and the one that won are scored on it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import HubtoolsError
from hubtools.core.events import Reporter
from hubtools.corpus.corpus import Corpus, check_enough
from hubtools.corpus.split import split_posts
from hubtools.fleet.ray_environment import prepare_ray
from hubtools.fleet.sweep_trials import (
    SweepAccount,
    SweepRequest,
    SweepStart,
    SweepTrial,
    score,
    with_values,
)
from hubtools.services.read import ReadRequest, read
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import Recipe, base_folder, recipe_for

_VAL_FRACTION = 0.1  # of the posts that would be trained on otherwise


@dataclass(frozen=True, slots=True)
class SweepTestScore:
    """A recipe on the test split of each account."""

    recipe: Recipe
    bits_per_byte: tuple[float, ...]

    @property
    def mean(self) -> float:
        return fmean(self.bits_per_byte)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
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
        return fmean(self._differences)

    @property
    def standard_error(self) -> float | None:
        """Of that mean; None with one account."""
        found = self._differences
        return stdev(found) / math.sqrt(len(found)) if len(found) > 1 else None

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
