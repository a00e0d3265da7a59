"""The search for a recipe: what is tried on a set of accounts, by Ray Tune, and how it is scored.

Each trial trains on the accounts one by one, always in the same order, and says after each how
many bits it needs a byte of posts that were kept aside; trials that are behind the others after
as many accounts are ended early (ASHA, https://arxiv.org/abs/1810.05934). The posts that a card
is scored on are not looked at until the search is over: only the recipe that the search began
from and the one that won are then scored on them.
"""

from __future__ import annotations

import io
import logging
import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubtools.core.errors import HubtoolsError, UsageError
from hubtools.core.events import Reporter, Task
from hubtools.fleet.cluster import ray_cluster
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import Recipe

_SHARE = 0.1  # of the posts that are trained on otherwise, kept aside for the search
_GRACE = 0.34  # share of the accounts before which no trial is ended
_REDUCTION = 3  # of as many trials, one goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What to search, and how long."""

    base: str
    recipe: Recipe
    """Where the search begins; it is the first trial."""
    trials: int
    seed: int
    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """The posts of one account, in three parts that share none."""

    name: str
    train: tuple[str, ...]
    aside: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe that was tried."""

    number: int
    values: Mapping[str, float | int]
    bits_per_byte: tuple[float, ...]
    """Of each account that it got to, over posts kept aside; the first trial is the start."""
    seconds: float

    @property
    def mean(self) -> float:
        return sum(self.bits_per_byte) / len(self.bits_per_byte)


@dataclass(frozen=True, slots=True)
class Scored:
    """A recipe on the posts that nothing else looked at."""

    recipe: Recipe
    bits_per_byte: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a search found."""

    accounts: tuple[str, ...]
    base: str
    trials: tuple[Trial, ...]
    """Those that got to all accounts first, the best of them at the head."""
    start: Scored
    winner: Scored
    seconds: float

    @property
    def gain(self) -> float:
        """Bits a byte that the winner saves on held-out posts, mean over accounts."""
        return sum(self._differences) / len(self._differences)

    @property
    def error(self) -> float | None:
        """The standard error of that mean; None with one account."""
        count = len(self._differences)
        if count < 2:
            return None
        spread = sum((one - self.gain) ** 2 for one in self._differences) / (count - 1)
        return math.sqrt(spread / count)

    @property
    def better(self) -> int:
        """Accounts that the winner predicts better than the start."""
        return sum(one > 0 for one in self._differences)

    @property
    def _differences(self) -> list[float]:
        pairs = zip(self.start.bits_per_byte, self.winner.bits_per_byte, strict=True)
        return [start - winner for start, winner in pairs]


def texts_of(corpora: Sequence[Any]) -> tuple[Texts, ...]:
    """The corpora split as runs split them, and what they train on split once more."""
    from hubtools.corpus.split import split_posts

    found = []
    for corpus in corpora:
        split = split_posts(corpus.kept, val_fraction=_SHARE)
        name = corpus.account.handle or Path(corpus.source).stem
        parts = (
            tuple(post.text for post in part)
            for part in (split.train, split.validation, split.test)
        )
        found.append(Texts(name, *parts))
    return tuple(found)


def run_sweep(request: SweepRequest, accounts: Sequence[Texts], report: Reporter) -> Sweep:
    """Search, and score what won. Raises UsageError without accounts, HubtoolsError without Ray,
    and when no trial came to an end."""
    if not accounts:
        raise UsageError("no accounts to search on")
    started = time.monotonic()
    with ray_cluster(request.workers, request.address):
        trials = _search(request, accounts, report)
    if not trials:
        raise HubtoolsError("no trial came to an end", fix="Look at the errors with -v")
    finished = [trial for trial in trials if len(trial.bits_per_byte) == len(accounts)]
    best = min(finished or trials, key=lambda trial: trial.mean)
    order = sorted(trials, key=lambda t: (-len(t.bits_per_byte), t.mean))
    bases, winner = ModelCache(), tuned(request.recipe, best.values)
    report.note("Scoring the start and the winner on posts that the search did not see")
    scored = [
        Scored(recipe, tuple(_final(bases, request, recipe, one) for one in accounts))
        for recipe in (request.recipe, winner)
    ]
    return Sweep(
        accounts=tuple(one.name for one in accounts),
        base=request.base,
        trials=tuple(order),
        start=scored[0],
        winner=scored[1],
        seconds=round(time.monotonic() - started, 1),
    )


def space(recipe: Recipe) -> dict[str, tuple[float | int, ...]]:
    """What is searched around a recipe: for each of its numbers, those that are tried."""
    factors = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
    found: dict[str, tuple[float | int, ...]] = {
        "learning_rate": tuple(float(f"{recipe.learning_rate * f:.4g}") for f in factors),
        "epochs": tuple(sorted({max(1, round(recipe.epochs * f)) for f in (0.5, 1, 1.5, 2)})),
        "tokens_per_step": tuple(recipe.tokens_per_step * f // 2 for f in (1, 2, 4)),
        "warmup": (0.0, 0.05, 0.15),
        "weight_decay": (0.0, 0.1, 0.5, 1.0),
        "average": (0.0, 0.97, 0.99),
    }
    if recipe.early_stopping is not None:
        found["gain"] = (0.003, 0.01, 0.03)
        found["decay"] = (0.25, 0.5, 1.0)
    if recipe.lora is not None:
        found["rank"] = (4, 8, 16, 32)
    else:
        found["dropout"] = (0.0, 0.05, 0.1, 0.2)
    return found


def tuned(recipe: Recipe, values: Mapping[str, float | int]) -> Recipe:
    """The recipe with these numbers."""
    plain: dict[str, Any] = dict(values)
    if recipe.early_stopping is not None:
        schedule = {key: plain.pop(key) for key in ("gain", "decay") if key in plain}
        plain["early_stopping"] = replace(recipe.early_stopping, **schedule)
    if recipe.lora is not None and "rank" in plain:
        rank = int(plain.pop("rank"))
        alpha = recipe.lora.alpha / recipe.lora.rank * rank
        plain["lora"] = replace(recipe.lora, rank=rank, alpha=alpha)
    return replace(recipe, **plain)


def _search(
    request: SweepRequest, accounts: Sequence[Texts], report: Reporter
) -> tuple[Trial, ...]:
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.basic_variant import BasicVariantGenerator

    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    # It warns of the files that those loggers would have written; the numbers are in memory.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    known = {key: _own(request.recipe, key) for key in space(request.recipe)}
    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    needs = {"cpu": 1.0, "gpu": 1.0 if has.get("GPU") else 0.0}
    shared = tune.with_parameters(_try, request=request, accounts=tuple(accounts))
    longest = len(accounts)
    # What Tune prints belongs to nobody: stdout is for the one document that --json promises.
    silent = redirect_stdout(io.StringIO())
    bars = report.task("searching", request.trials)
    with bars as bar, tempfile.TemporaryDirectory(prefix="hubtools-tune-") as folder, silent:
        found: Any = tune.Tuner(
            tune.with_resources(shared, needs),
            param_space={key: tune.choice(list(v)) for key, v in space(request.recipe).items()},
            tune_config=tune.TuneConfig(
                metric="mean",
                mode="min",
                num_samples=request.trials,
                search_alg=BasicVariantGenerator(
                    points_to_evaluate=[known], random_state=request.seed
                ),
                scheduler=ASHAScheduler(
                    time_attr="accounts",
                    max_t=longest,
                    grace_period=max(1, round(longest * _GRACE)),
                    reduction_factor=_REDUCTION,
                ),
            ),
            run_config=tune.RunConfig(
                storage_path=folder, name="sweep", verbose=0, callbacks=[_telling(bar, longest)]
            ),
        ).fit()
    trials = []
    for number, result in enumerate(found):
        if result.error is not None:
            report.note(f"Trial {number + 1} failed: {str(result.error).splitlines()[-1]}")
        metrics = result.metrics or {}
        if metrics.get("bits"):
            values = dict((result.config or {}).items())
            bits = tuple(float(part) for part in metrics["bits"].split())
            trials.append(Trial(number + 1, values, bits, round(metrics["time_total_s"], 1)))
    return tuple(trials)


def _telling(bar: Task, accounts: int) -> Any:
    """A callback of Tune that moves the bar on whenever a trial ends."""
    from ray import tune

    class Telling(tune.Callback):
        ended, best = 0, math.inf

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            self.ended += 1
            if trial.last_result.get("accounts") == accounts:
                self.best = min(self.best, trial.last_result["mean"])
            said = f"best {self.best:.3f} bits a byte" if self.best < math.inf else ""
            bar.advance(self.ended, said)

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            self.ended += 1
            bar.advance(self.ended)

    return Telling()


def _own(recipe: Recipe, key: str) -> float | int:
    if key == "rank":
        assert recipe.lora is not None
        return recipe.lora.rank
    if key in ("gain", "decay"):
        return float(getattr(recipe.early_stopping, key))
    value = getattr(recipe, key)
    return 0.0 if value is None else value


def _try(
    config: Mapping[str, float | int], request: SweepRequest, accounts: Sequence[Texts]
) -> None:
    """One trial, in a worker."""
    from ray import tune

    recipe, bases, bits = tuned(request.recipe, config), ModelCache(), []
    for one in accounts:
        found = score(bases, request.base, recipe, request.seed, one.train, one.aside)
        bits.append(found)
        mean = sum(bits) / len(bits)
        said = " ".join(f"{value:.5f}" for value in bits)
        tune.report({"mean": mean, "accounts": len(bits), "bits": said})


def _final(bases: ModelCache, request: SweepRequest, recipe: Recipe, one: Texts) -> float:
    train = (*one.train, *one.aside)
    return score(bases, request.base, recipe, request.seed, train, one.held_out)


def score(
    bases: ModelCache,
    base_name: str,
    recipe: Recipe,
    seed: int,
    train: Sequence[str],
    scored: Sequence[str],
) -> float:
    """Bits a byte of `scored` by a model that learned from `train`; nothing is kept."""
    from hubtools.corpus.corpus import KeptPost
    from hubtools.corpus.split import split_posts
    from hubtools.training.data import prepare
    from hubtools.training.evaluate import evaluate
    from hubtools.training.lora import add_adapter
    from hubtools.training.trainer import Trainer

    with bases.turn(), tempfile.TemporaryDirectory() as folder:
        base = bases.load(base_name, recipe, train, seed)
        stopping = recipe.early_stopping
        posts = [KeptPost(text, None) for text in train]
        val_fraction = stopping.val_fraction if stopping else 0.0
        split = split_posts(posts, val_fraction=val_fraction, test_fraction=0.0)
        data = prepare(base, [split], recipe)
        if recipe.lora is not None:
            add_adapter(base.model, recipe.lora, seed)
        Trainer(base, data, recipe, seed=seed, checkpoint=Path(folder) / "checkpoint").train()
        return evaluate(base, scored).bits_per_byte
