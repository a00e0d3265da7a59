"""What a command prints: notes and progress bars to stderr, its one result to stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubtools.core.events import (
    Event,
    Finished,
    Note,
    Progress,
    Reporter,
    Started,
    TrainMetrics,
    Warning,
)

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_LINE_EVERY = 10.0  # seconds between progress lines without a terminal


def terminal_reporter(verbosity: int = 0) -> Reporter:
    """A reporter that writes to stderr: live bars on a terminal, occasional lines elsewhere."""
    return Reporter((Terminal(verbosity),))


class Terminal:
    """The listener that writes a command's events."""

    def __init__(self, verbosity: int = 0) -> None:
        self._verbosity = verbosity
        self._bars: dict[str, _Bar] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Note(text, verbose):
                if not verbose or self._verbosity > 0:
                    _write(text)
            case Warning(_, text):
                _write(f"Warning: {text}")
            case Started(task, total):
                self._bars[task] = (
                    _LiveBar(task, total) if sys.stderr.isatty() else _LineBar(task, total)
                )
            case Progress(task, done, _, detail, metrics):
                self._bars[task].advance(done, _detail(detail, metrics))
            case Finished(task):
                self._bars.pop(task).close()


def _write(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _detail(detail: str, metrics: TrainMetrics | None) -> str:
    if metrics is None:
        return detail
    return f"epoch {metrics.epoch}/{metrics.epochs}, loss {metrics.loss:.3f}"


class _LiveBar:
    """A bar that updates in place."""

    def __init__(self, title: str, total: float) -> None:
        self._progress = _rich_progress()
        self._task = self._progress.add_task(title, total=total, detail="")
        self._progress.start()

    def advance(self, done: float, detail: str) -> None:
        self._progress.update(self._task, completed=done, detail=detail)

    def close(self) -> None:
        self._progress.stop()


class _LineBar:
    """A line every few seconds, for logs."""

    def __init__(self, title: str, total: float) -> None:
        self._title, self._total = title, total
        self._started = self._written = time.monotonic()

    def advance(self, done: float, detail: str) -> None:
        now = time.monotonic()
        if now - self._written < _LINE_EVERY and done < self._total:
            return
        self._written = now
        share = done / self._total if self._total else 1.0
        left = (now - self._started) / share * (1 - share) if share else 0.0
        rest = f", {left:.0f} s left" if share < 1 else ""
        tail = f", {detail}" if detail else ""
        _write(f"{self._title}: {share:4.0%}{tail}{rest}")

    def close(self) -> None:
        """Nothing to clean up."""


_Bar = _LiveBar | _LineBar


def _rich_progress() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(stderr=True),
    )


def print_json(document: Mapping[str, Any]) -> None:
    """Write the document of --json to stdout."""
    ascii_only = not str(sys.stdout.encoding).lower().startswith("utf")
    sys.stdout.write(json.dumps(document, ensure_ascii=ascii_only, indent=2, default=str) + "\n")
    sys.stdout.flush()
