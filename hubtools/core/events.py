"""What a command says while it works: notes and bars on stderr, one result on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY = 10.0  # seconds between progress lines where there is no terminal


class Bar(Protocol):
    """The progress of one long step."""

    def advance(self, done: float, detail: str = "") -> None:
        """Say that `done` units of the total are complete."""


class Reporter(Protocol):
    """Where the parts of hubtools say what they are doing."""

    def note(self, text: str) -> None:
        """Something that a person should know."""

    def detail(self, text: str) -> None:
        """Something that a person who asked for more (-v) wants to know."""

    def bar(self, title: str, total: float) -> Any:
        """A context manager that yields a Bar of `total` units."""


class SilentReporter:
    """Says nothing: the default of the Python API, and what -q asks for."""

    def note(self, text: str) -> None:
        pass

    def detail(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, title: str, total: float) -> Iterator[Bar]:
        yield _SilentBar()


class _SilentBar:
    def advance(self, done: float, detail: str = "") -> None:
        pass


@dataclass(frozen=True, slots=True)
class StderrReporter:
    """Notes and bars on stderr: a live bar on a terminal, a line now and then elsewhere."""

    verbosity: int = 0

    def note(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def detail(self, text: str) -> None:
        if self.verbosity > 0:
            self.note(text)

    @contextmanager
    def bar(self, title: str, total: float) -> Iterator[Bar]:
        if not sys.stderr.isatty():
            yield _LineBar(title, total)
            return
        with _rich_progress() as progress:
            yield _RichBar(progress, progress.add_task(title, total=total, detail=""))


@dataclass(frozen=True, slots=True)
class _RichBar:
    progress: Progress
    task: TaskID

    def advance(self, done: float, detail: str = "") -> None:
        self.progress.update(self.task, completed=done, detail=detail)


class _LineBar:
    def __init__(self, title: str, total: float) -> None:
        self._title, self._total = title, total
        self._started = self._spoken = time.monotonic()

    def advance(self, done: float, detail: str = "") -> None:
        now = time.monotonic()
        if now - self._spoken < _LINE_EVERY and done < self._total:
            return
        self._spoken = now
        share = done / self._total if self._total else 1.0
        left = (now - self._started) / share * (1 - share) if share else 0.0
        rest = f", {left:.0f} s left" if share < 1 else ""
        tail = f", {detail}" if detail else ""
        sys.stderr.write(f"{self._title}: {share:4.0%}{tail}{rest}\n")
        sys.stderr.flush()


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(stderr=True),
    )


def print_json(document: Mapping[str, Any]) -> None:
    """The one JSON document that --json promises, on stdout."""
    narrow = not str(sys.stdout.encoding).lower().startswith("utf")
    sys.stdout.write(json.dumps(document, ensure_ascii=narrow, indent=2, default=str) + "\n")
    sys.stdout.flush()
