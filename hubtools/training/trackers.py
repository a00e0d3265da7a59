"""Experiment trackers: where a run's metrics go while it trains.

A log file always gets them. Trackio and Weights & Biases are built in; other packages register a
function that starts a run through the entry-point group `hubtools.trackers`::

    [project.entry-points."hubtools.trackers"]
    mlflow = "my_package:open_run"      # open_run(name, config) -> Tracker
"""

from __future__ import annotations

import importlib
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from hubtools.core.errors import MissingExtraError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.extras import require_extra
from hubtools.core.files import writing

GROUP = "hubtools.trackers"
PROJECT = "hubtools"

Metrics = Mapping[str, Any]


class Tracker(Protocol):
    """Receives the metrics of one run.

    Those of a step are `train_loss` and `learning_rate`; those after an epoch are `epoch` and
    `val_loss`; those of the finished model are the fields of `Evaluation`, `test_loss` first.
    """

    def log(self, metrics: Metrics, step: int) -> None:
        """Record metrics after optimizer step `step`, counted from 1; 0 is before training."""

    def summary(self, metrics: Metrics, step: int) -> None:
        """Record the metrics of the finished model, after its last step."""

    def finish(self) -> str | None:
        """End the run; its https URL, if others can look at it."""


Factory = Callable[[str, Metrics], Tracker]
"""Starts a run: its name and its configuration."""


class Trackers:
    """Several trackers, each of which gets the same."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def log(self, metrics: Metrics, step: int) -> None:
        for tracker in self._trackers:
            tracker.log(metrics, step)

    def summary(self, metrics: Metrics, step: int) -> None:
        for tracker in self._trackers:
            tracker.summary(metrics, step)

    def finish(self) -> str | None:
        urls = [tracker.finish() for tracker in self._trackers]
        return next((url for url in urls if url), None)


NO_TRACKER = Trackers()


class LogFile:
    """One line of JSON for each call, the newest last; a resumed run continues the file."""

    def __init__(self, file: Path) -> None:
        with writing(file):
            self._file = file.open("a", encoding="utf-8")

    def log(self, metrics: Metrics, step: int) -> None:
        line = {"time": round(time.time(), 2), "step": step, **metrics}
        with writing(Path(self._file.name)):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def summary(self, metrics: Metrics, step: int) -> None:
        self.log(metrics, step)

    def finish(self) -> None:
        with suppress(OSError):  # of a full disk, which the write before reported
            self._file.close()


class LibraryTracker:
    """A run of trackio or wandb, which share their functions; offline, they keep it locally."""

    def __init__(self, library: str, name: str, config: Metrics) -> None:
        self._library: Any = importlib.import_module(library)
        self._run: Any = self._library.init(project=PROJECT, name=name, config=dict(config))

    def log(self, metrics: Metrics, step: int) -> None:
        self._library.log(dict(metrics), step=step)

    def summary(self, metrics: Metrics, step: int) -> None:
        self.log(metrics, step)

    def finish(self) -> str | None:
        url = getattr(self._run, "url", None)
        self._library.finish()
        return url if isinstance(url, str) and url.startswith("https://") else None


BUILT_IN: Mapping[str, Factory] = {
    library: partial(LibraryTracker, library) for library in ("trackio", "wandb")
}


class SafeTracker:
    """A tracker whose failures end tracking, not training; the first one is a warning."""

    def __init__(
        self, kind: str, open_run: Factory, name: str, config: Metrics, reporter: Reporter
    ) -> None:
        self._kind, self._reporter = kind, reporter
        self._tracker: Tracker | None = None
        self._try(lambda: setattr(self, "_tracker", open_run(name, config)))

    def log(self, metrics: Metrics, step: int) -> None:
        tracker = self._tracker
        if tracker is not None:
            self._try(lambda: tracker.log(metrics, step))

    def summary(self, metrics: Metrics, step: int) -> None:
        tracker = self._tracker
        if tracker is not None:
            self._try(lambda: tracker.summary(metrics, step))

    def finish(self) -> str | None:
        return self._try(self._tracker.finish) if self._tracker is not None else None

    def _try(self, work: Callable[[], Any]) -> Any:
        try:
            # Trackio prints on stdout, where results go, and URLs that contain a token.
            with redirect_stdout(io.StringIO()):
                return work()
        except Exception as error:  # noqa: BLE001  (a third party's, of any kind)
            first = " ".join(str(error).split())[:200] or type(error).__name__
            self._tracker = None
            self._reporter.warn("tracker_failed", f"Stopped logging to {self._kind}: {first}")
            return None


def tracker_names() -> Sequence[str]:
    """The trackers that are built in or registered."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def check_tracker(kind: str | None) -> None:
    """Raises UsageError for an unknown tracker, MissingExtraError for one that is not installed."""
    if kind is None:
        return
    if kind in BUILT_IN:
        require_extra(kind, f"--track {kind}", kind)
    else:
        _factory(kind)


def open_tracker(kind: str, name: str, config: Metrics, reporter: Reporter) -> Tracker:
    """Start a run; its failures are warnings. Raises UsageError for an unknown tracker."""
    return SafeTracker(kind, _factory(kind), name, config, reporter)


def _factory(kind: str) -> Factory:
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    for entry in entry_points(group=GROUP, name=kind):
        try:
            factory: Factory = entry.load()
        except ImportError as error:
            raise MissingExtraError(kind, f"--track {kind}") from error
        return factory
    raise UsageError(f"unknown tracker {kind!r}", fix=f"Use one of {', '.join(tracker_names())}")
