"""How far a fleet is, as the driver and the publisher tell it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hubtools.fleet.journal import Journal, Place, write_state
from hubtools.fleet.page import write_page
from hubtools.fleet.worker import Began, Event, Outcome

_EVERY = 1.0  # seconds between two states on the disk
_SHOWN = 100  # failures in the state

End = Literal["done", "partly", "interrupted", "stopped"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that was not made, or not published, and why."""

    name: str
    where: str
    error: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What came of a fleet."""

    total: int
    made: int
    """In this run."""
    there: int
    """Done by an earlier run of the same manifest."""
    published: int
    """In this run."""
    failed: tuple[Failure, ...]
    left: int
    """Not made, or not published, since the run ended early."""
    seconds: float
    device_seconds: float
    """Of all workers together, with a model in hand on the device."""
    workers: int
    outcomes: tuple[Outcome, ...]
    """Of the models made in this run."""

    @property
    def per_hour(self) -> float:
        """Models that this run made in an hour."""
        return 3600 * self.made / self.seconds if self.seconds else 0.0

    @property
    def busy(self) -> float:
        """The share of the workers' time in which a model was on the device, 0 to 1."""
        return self.device_seconds / (self.seconds * self.workers) if self.seconds else 0.0


class Progress:
    """Counts what happens, keeps the journal and the state; threads may call it."""

    def __init__(
        self,
        place: Place,
        journal: Journal,
        *,
        keys: dict[str, str],
        wheres: dict[str, str],
        there: int,
        to: str | None,
        workers: int,
        manifest: str,
    ) -> None:
        self._place, self._journal = place, journal
        self._keys, self._wheres = keys, wheres
        self._there, self._to, self._workers, self._manifest = there, to, workers, manifest
        self._lock = threading.Lock()
        self._clock = time.monotonic()
        self._started = time.time()
        self._written = 0.0
        self._running: dict[str, float] = {}
        self._made: list[Outcome] = []
        self._failed: list[Failure] = []
        self._published = 0
        self._end: End | None = None

    def tell(self, event: Event) -> None:
        """Take in what a worker says."""
        with self._lock:
            if isinstance(event, Began):
                self._running[event.name] = time.time()
            else:
                self._running.pop(event.name, None)
                if event.error is None:
                    self._journal.made(event, self._keys[event.name])
                    self._made.append(event)
                else:
                    self._fail(event.name, event.error, event.exit_code)
        self.save()

    def published(self, name: str) -> None:
        """A model is on the Hub."""
        with self._lock:
            self._published += 1
            self._journal.published(name, self._keys[name], self._to or "")
        self.save()

    def refused(self, name: str, error: str, exit_code: int) -> None:
        """A model was made and is not on the Hub."""
        with self._lock:
            self._fail(name, error, exit_code)
        self.save()

    def _fail(self, name: str, error: str, exit_code: int) -> None:
        self._failed.append(Failure(name, self._wheres[name], error, exit_code))

    def finish(self, end: End) -> None:
        """The run is over."""
        self._end = end
        self._running.clear()
        self.save(now=True)
        write_page(self._place, self.state(), self.scores())

    @property
    def file(self) -> Path:
        """The state on the disk."""
        return self._place.state

    def scores(self) -> dict[str, float]:
        """Bits a byte of all models that are made, by this run or an earlier one."""
        return self._journal.scores(self._keys)

    @property
    def failures(self) -> Sequence[Failure]:
        return tuple(self._failed)

    def summary(self) -> Summary:
        total = len(self._wheres)
        done = len(self._made) if self._to is None else self._published
        return Summary(
            total=total,
            made=len(self._made),
            there=self._there,
            published=self._published,
            failed=tuple(self._failed),
            left=total - self._there - done - len(self._failed),
            seconds=round(time.monotonic() - self._clock, 2),
            device_seconds=round(sum(one.device_seconds for one in self._made), 2),
            workers=self._workers,
            outcomes=tuple(self._made),
        )

    def state(self) -> dict[str, Any]:
        """All of it, as `fleet status --json` prints it."""
        with self._lock:
            summary = self.summary()
            left = summary.left
            rate = summary.per_hour
            return {
                "manifest": self._manifest,
                "shard": str(self._place.shard),
                "to": self._to,
                "process": os.getpid(),
                "machine": socket.gethostname(),
                "workers": self._workers,
                "started": self._started,
                "updated": time.time(),
                "end": self._end,
                "total": summary.total,
                "there": summary.there,
                "made": summary.made,
                "published": summary.published,
                "left": left,
                "per_hour": round(rate, 1),
                "seconds_left": round(3600 * left / rate) if rate else None,
                "busy": round(summary.busy, 3),
                "running": [{"name": n, "since": t} for n, t in self._running.items()],
                "failed": len(self._failed),
                "failures": [asdict(failure) for failure in self._failed[-_SHOWN:]],
            }

    def save(self, *, now: bool = False) -> None:
        """Write the state, at most every second."""
        if now or time.monotonic() - self._written > _EVERY:
            self._written = time.monotonic()
            write_state(self._place, self.state())
