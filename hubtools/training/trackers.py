"""Where the numbers of a training go while it runs: a file always, a tracker when asked."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any, Protocol

from hubtools.core.errors import MissingExtraError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import writing
from hubtools.training.checkpoint import Point

TRACKERS = ("trackio", "wandb")


class Log(Protocol):
    """Is told of every step, and of every point of the curve."""

    def step(self, step: int, loss: float, rate: float) -> None:
        """After update `step`, counted from 1."""

    def point(self, point: Point) -> None:
        """A point of the curve."""


class NoLog:
    """Keeps nothing."""

    def step(self, step: int, loss: float, rate: float) -> None:
        pass

    def point(self, point: Point) -> None:
        pass


class FileLog:
    """A line of JSON for each step and each point, the newest last; a resumed run goes on in it."""

    def __init__(self, file: Path) -> None:
        with writing(file):
            self._file = file.open("a", encoding="utf-8")

    def step(self, step: int, loss: float, rate: float) -> None:
        self._write({"step": step, "loss": round(loss, 4), "learning_rate": rate})

    def point(self, point: Point) -> None:
        if point.val_loss is not None:
            self._write({"step": point.step, "val_loss": point.val_loss})

    def close(self) -> None:
        """Nothing is written any more."""
        with suppress(OSError):  # of a full disk, which was said when it was written to
            self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        with writing(Path(self._file.name)):
            self._file.write(json.dumps({"time": round(time.time(), 2), **line}) + "\n")
            self._file.flush()


class Tracker:
    """The same numbers for Trackio or Weights & Biases, which keep them here when offline.

    Whatever goes wrong there is said once, and training goes on without.
    """

    def __init__(self, kind: str, name: str, config: Mapping[str, Any], report: Reporter) -> None:
        self._report = report
        self._kind = kind
        self._library: Any = _library(kind)
        self._run: Any = None
        settings = {"project": "hubtools", "name": name, "config": dict(config)}
        self._run = self._try(lambda: self._library.init(**settings))

    def step(self, step: int, loss: float, rate: float) -> None:
        self._log({"loss": loss, "learning_rate": rate}, step)

    def point(self, point: Point) -> None:
        if point.val_loss is not None:
            self._log({"val_loss": point.val_loss}, point.step)

    def result(self, numbers: Mapping[str, Any], step: int) -> None:
        """What evaluation found."""
        self._log({key: value for key, value in numbers.items() if value is not None}, step)

    def finish(self) -> str | None:
        """End the run; its address, where others can open it."""
        address = getattr(self._run, "url", None)
        self._try(lambda: self._library.finish())
        return address if isinstance(address, str) and address.startswith("https://") else None

    def _log(self, numbers: Mapping[str, Any], step: int) -> None:
        if self._run is not None:
            self._try(lambda: self._library.log(dict(numbers), step=step))

    def _try(self, work: Callable[[], Any]) -> Any:
        """What `work` gives; None once anything has failed."""
        if self._library is None:
            return None
        try:
            # Trackio prints on stdout, where results stand, and addresses that hold a token.
            with redirect_stdout(io.StringIO()):
                return work()
        except Exception as error:  # noqa: BLE001  (nothing that a tracker does ends a training)
            first = " ".join(str(error).split())[:200] or type(error).__name__
            self._report.note(f"{self._kind} failed and is not told any more: {first}")
            self._library = self._run = None
            return None


class Both:
    """Two logs, each told the same."""

    def __init__(self, *logs: Log) -> None:
        self._logs = logs

    def step(self, step: int, loss: float, rate: float) -> None:
        for log in self._logs:
            log.step(step, loss, rate)

    def point(self, point: Point) -> None:
        for log in self._logs:
            log.point(point)


def check_tracker(kind: str | None) -> None:
    """Raises UsageError for a tracker that is not known, MissingExtraError for a missing one."""
    if kind is not None and kind not in TRACKERS:
        raise UsageError(f"no tracker {kind!r}", fix=f"Known: {', '.join(TRACKERS)}")
    if kind is not None:
        _library(kind)


def _library(kind: str) -> Any:
    import importlib

    try:
        return importlib.import_module(kind)
    except ImportError as error:
        raise MissingExtraError(kind, f"--track {kind}") from error
