"""The state of a fleet: what is trained, published and failed, as files and listeners get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hubtools.core.events import DomainEvent
from hubtools.fleet.jobs import JobEvent

FleetEnd = Literal["done", "partly", "interrupted", "stopped"]


@dataclass(frozen=True, slots=True)
class FleetFailure:
    """A row that was not trained or not published, and why."""

    name: str
    where: str
    """The row's place in the manifest."""
    error: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class RunningJob:
    name: str
    since: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """What is done and what is going on; `fleet status --json` prints it."""

    manifest: str
    shard: str
    to: str | None
    """Where the models go; None where nothing is published."""
    process: int
    machine: str
    workers: int
    started: float
    """Seconds since 1970, as is `updated`."""
    updated: float
    end: FleetEnd | None = None
    """How the run ended; None until then."""
    total: int
    already_done: int
    """Rows that an earlier run of the same manifest finished."""
    trained: int = 0
    """In this run, as is `published`."""
    published: int = 0
    remaining: int
    """Neither done nor failed."""
    failed: int = 0
    seconds: float = 0.0
    models_per_hour: float = 0.0
    seconds_left: int | None = None
    device_utilization: float = 0.0
    """Share of the workers' time in which a model was on the device, 0 to 1."""
    running: tuple[RunningJob, ...] = ()
    failures: tuple[FleetFailure, ...] = ()
    """The latest of them."""

    @property
    def done(self) -> int:
        """Rows that need no further work."""
        return self.already_done + (self.trained if self.to is None else self.published)


@dataclass(frozen=True, slots=True)
class FleetUpdated(DomainEvent):
    state: FleetState
    latest: JobEvent | None = None
    """What changed it; None for the first state, for uploads and for the last state."""
