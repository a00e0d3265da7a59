"""The trials of a sweep in Ray Tune; import it after `prepare_ray`.

Trials that fall behind the others after as many accounts end early (ASHA,
https://arxiv.org/abs/1810.05934).
"""

from __future__ import annotations

import io
import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from statistics import fmean
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter, Task
from hubtools.fleet.ray_cluster import ray_cluster
from hubtools.fleet.sweep_trials import (
    SweepRequest,
    SweepStart,
    SweepTrial,
    score,
    search_space,
    values_of,
    with_values,
)
from hubtools.training.model_cache import ModelCache

_GRACE = 0.34  # share of the accounts before which no trial ends early
_REDUCTION = 3  # one trial of as many goes on


def search(
    request: SweepRequest, start: SweepStart, reporter: Reporter, cancel: CancelToken
) -> Sequence[SweepTrial]:
    """Every trial that scored at least one account. Raises CancelledError."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    # It warns about the files that those loggers would have written.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    with (
        ray_cluster(request.workers, request.address) as resources,
        reporter.task("searching", request.trials) as bar,
        tempfile.TemporaryDirectory(prefix="hubtools-tune-") as folder,
        redirect_stdout(io.StringIO()),  # Tune prints; stdout is for --json
    ):
        needs = {"cpu": 1.0, "gpu": 1.0 if resources.get("GPU") else 0.0}
        callback = _SweepCallback(bar, len(start.accounts), cancel)
        results: Any = tune.Tuner(
            tune.with_resources(tune.with_parameters(_trial, start=start), needs),
            param_space={
                name: tune.choice(list(values))
                for name, values in search_space(start.recipe).items()
            },
            tune_config=_tune_config(request, start),
            run_config=tune.RunConfig(
                storage_path=folder, name="sweep", verbose=0, callbacks=[callback]
            ),
        ).fit()
        cancel.raise_if_cancelled()
    return _trials(results, reporter)


def _tune_config(request: SweepRequest, start: SweepStart) -> Any:
    accounts, first = len(start.accounts), [values_of(start.recipe)]
    return tune.TuneConfig(
        metric="mean",
        mode="min",
        num_samples=request.trials,
        search_alg=BasicVariantGenerator(points_to_evaluate=first, random_state=request.seed),
        scheduler=ASHAScheduler(
            time_attr="accounts",
            max_t=accounts,
            grace_period=max(1, round(accounts * _GRACE)),
            reduction_factor=_REDUCTION,
        ),
    )


def _trial(config: Mapping[str, float | int], start: SweepStart) -> None:
    """Train one recipe on each account, in a worker of Ray; report all scores after each."""
    recipe, models, bits = with_values(start.recipe, config), ModelCache(), []
    for one in start.accounts:
        bits.append(score(models, start, recipe, one.train, one.validation, CancelToken()))
        tune.report({"mean": fmean(bits), "accounts": len(bits), "bits": tuple(bits)})


def _trials(results: Any, reporter: Reporter) -> Sequence[SweepTrial]:
    trials = []
    for number, result in enumerate(results, 1):
        if result.error is not None:
            reporter.note(f"Trial {number} failed: {str(result.error).splitlines()[-1]}")
        metrics = result.metrics or {}
        if metrics.get("bits"):
            seconds = round(metrics["time_total_s"], 1)
            bits = tuple(metrics["bits"])
            trials.append(SweepTrial(number, dict(result.config or {}), bits, seconds))
    return trials


class _SweepCallback(tune.Callback):
    """Moves the bar whenever a trial ends, and ends the search once it is cancelled."""

    def __init__(self, bar: Task, accounts: int, cancel: CancelToken) -> None:
        self._bar, self._accounts, self._cancel = bar, accounts, cancel
        self._ended, self._best = 0, math.inf

    def __deepcopy__(self, memo: object) -> _SweepCallback:
        return self

    def __reduce__(self) -> tuple[type[tune.Callback], tuple[()]]:
        return tune.Callback, ()  # Tune saves its callbacks, and this one belongs to this process

    def on_step_end(self, iteration: int, trials: Any, **_: Any) -> None:
        self._cancel.raise_if_cancelled()

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        if trial.last_result.get("accounts") == self._accounts:
            self._best = min(self._best, trial.last_result["mean"])
        self._advance()

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self._advance()

    def _advance(self) -> None:
        self._ended += 1
        best = f"best {self._best:.3f} bits per byte" if self._best < math.inf else ""
        self._bar.advance(self._ended, best)
