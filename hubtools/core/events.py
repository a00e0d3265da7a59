"""What a service reports while it works: typed events, and the Reporter that passes them on.

A service gets a Reporter and never prints. The terminal, the demo's page and the fleet's workers
are listeners: functions that take one event. Facts are in an event's fields; its text is for
people and is never parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class TrainMetrics:
    """The state of a training run."""

    epoch: int
    """The epoch in progress, from 1."""
    epochs: int
    """How many are planned; early stopping may end the run before."""
    step: int
    loss: float
    """Mean cross-entropy of the epoch so far, nats/token."""


@dataclass(frozen=True, slots=True)
class Started:
    """A long task started."""

    task: str
    total: float


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of the `total` units of a task are complete."""

    task: str
    done: float
    total: float
    detail: str = ""
    """For people, such as what it is waiting for."""
    metrics: TrainMetrics | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A task ended, whether or not it was completed."""

    task: str


@dataclass(frozen=True, slots=True)
class Note:
    """Information for a person; `verbose` notes are shown on request (-v)."""

    text: str
    verbose: bool = False


WarningCode = Literal[
    "few_posts",
    "all_memorized",
    "local_base",
    "out_of_memory",
    "state_not_saved",
    "left_out",
    "tracker_failed",
]


@dataclass(frozen=True, slots=True)
class Warning:
    """A problem that did not stop the work."""

    code: WarningCode
    text: str


class DomainEvent:
    """Base of the events that one room adds for listeners of its own; others ignore them."""

    __slots__ = ()


Event = Started | Progress | Finished | Note | Warning | DomainEvent
Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Task:
    """A long task in progress."""

    reporter: Reporter
    name: str
    total: float

    def advance(self, done: float, detail: str = "", metrics: TrainMetrics | None = None) -> None:
        """Report that `done` units of the total are complete."""
        self.reporter.emit(Progress(self.name, done, self.total, detail, metrics))


@dataclass(frozen=True)
class Reporter:
    """Passes events to its listeners in order; without any, it is silent."""

    listeners: tuple[Listener, ...] = field(default=())

    def emit(self, event: Event) -> None:
        """Pass one event on."""
        for listener in self.listeners:
            listener(event)

    def note(self, text: str) -> None:
        """Report something to a person."""
        self.emit(Note(text))

    def detail(self, text: str) -> None:
        """Report something to a person who asked for more (-v)."""
        self.emit(Note(text, verbose=True))

    def warn(self, code: WarningCode, text: str) -> None:
        """Report a problem that does not stop the work."""
        self.emit(Warning(code, text))

    @contextmanager
    def task(self, name: str, total: float) -> Iterator[Task]:
        """Report the start and the end of a task of `total` units, and its progress between."""
        self.emit(Started(name, total))
        try:
            yield Task(self, name, total)
        finally:
            self.emit(Finished(name))


SILENT = Reporter()
"""Discards every event."""
