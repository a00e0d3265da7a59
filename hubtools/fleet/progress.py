"""Counting what happens to a fleet, in the journal, in the state on disk, and for listeners."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubtools.core.events import Reporter
from hubtools.fleet.jobs import JobEvent, JobResult, JobStarted
from hubtools.fleet.journal import FleetJournal, JournalEntry, write_state
from hubtools.fleet.page import write_page
from hubtools.fleet.state import FleetEnd, FleetFailure, FleetState, FleetUpdated, RunningJob

_WRITE_EVERY = 1.0  # seconds between two states on disk
_FAILURES_IN_STATE = 100


@dataclass(slots=True)
class FleetProgress:
    """Counts what workers and the publisher report; safe to share between threads."""

    first: FleetState
    keys: Mapping[str, str]
    """The digest of each row, by the name of its model."""
    places: Mapping[str, str]
    """The place of each row in the manifest."""
    journal: FleetJournal
    reporter: Reporter
    trained: list[JobResult] = field(default_factory=list)
    failures: list[FleetFailure] = field(default_factory=list)
    _published: int = 0
    _running: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _clock: float = field(default_factory=time.monotonic)
    _written: float = 0.0

    def record(self, event: JobEvent) -> None:
        """A worker started on a model, or is done with it."""
        with self._lock:
            if isinstance(event, JobStarted):
                self._running[event.name] = time.time()
            else:
                self._running.pop(event.name, None)
                if event.error is None:
                    key, score = self.keys[event.name], event.bits_per_byte
                    self.journal.add(JournalEntry(event.name, key, bits_per_byte=score))
                    self.trained.append(event)
                else:
                    self._fail(event.name, event.error, event.exit_code)
            self._update(event)

    def record_published(self, name: str) -> None:
        with self._lock:
            self._published += 1
            self.journal.add(JournalEntry(name, self.keys[name], published=self.first.to))
            self._update()

    def record_unpublished(self, name: str, error: str, exit_code: int) -> None:
        with self._lock:
            self._fail(name, f"trained, but not published: {error}", exit_code)
            self._update()

    def finish(self, end: FleetEnd) -> FleetState:
        with self._lock:
            self._running.clear()
            state = self._update(end=end)
            write_page(self.journal.files.page, state, self.scores())
        return state

    def scores(self) -> dict[str, float]:
        """Bits per byte of all trained models, of this run or an earlier one."""
        return self.journal.scores(self.keys)

    def state(self) -> FleetState:
        with self._lock:
            done = len(self.trained) if self.first.to is None else self._published
            failed = len(self.failures)
            remaining = self.first.remaining - done - failed
            seconds = time.monotonic() - self._clock
            rate = 3600 * len(self.trained) / seconds if seconds else 0.0
            on_device = sum(one.device_seconds for one in self.trained)
            return replace(
                self.first,
                updated=time.time(),
                trained=len(self.trained),
                published=self._published,
                remaining=remaining,
                failed=failed,
                seconds=round(seconds, 2),
                models_per_hour=round(rate, 1),
                seconds_left=round(3600 * remaining / rate) if rate else None,
                device_utilization=round(on_device / (seconds * self.first.workers), 3),
                running=tuple(RunningJob(*item) for item in self._running.items()),
                failures=tuple(self.failures[-_FAILURES_IN_STATE:]),
            )

    def _fail(self, name: str, error: str, exit_code: int) -> None:
        self.failures.append(FleetFailure(name, self.places[name], error, exit_code))

    def _update(self, latest: JobEvent | None = None, end: FleetEnd | None = None) -> FleetState:
        """Tell the listeners, and write the state at most once a second."""
        state = replace(self.state(), end=end)
        self.reporter.emit(FleetUpdated(state, latest))
        if end or time.monotonic() - self._written > _WRITE_EVERY:
            self._written = time.monotonic()
            write_state(self.journal.files.state, state)
        return state
