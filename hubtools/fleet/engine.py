"""What runs the workshops: this process, or Ray with one worker a GPU or share of the cores.

Ray starts, places and restarts the workers and passes jobs and outcomes; here is only what it
cannot know: that a job whose worker died is worth another attempt, but not many.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError
from hubtools.core.events import Reporter
from hubtools.fleet.cluster import ray_cluster
from hubtools.fleet.worker import Began, Event, Job, Manner, Outcome, Workshop

ATTEMPTS = 3
"""Workers that may die over a model before it is given up."""
_GROUPS = 2  # that a worker has in hand, so that it need not wait for the next
_LARGEST_GROUP = 64
_PATIENCE = 30.0  # seconds without a worker after which a person is told
_LOOK = 1.0  # seconds between two looks at whether to stop


class Engine(Protocol):
    """Makes models and tells of each."""

    @property
    def workers(self) -> int:
        """How many models are trained at once."""

    def events(self, jobs: Sequence[Job], stop: threading.Event) -> Iterator[Event]:
        """What becomes of `jobs`, as it happens; ends early once `stop` is set."""


@dataclass(frozen=True, slots=True)
class InProcess:
    """One workshop in this process: what one model, or one core, needs."""

    project: Project
    manner: Manner
    workers: int = 1

    def events(self, jobs: Sequence[Job], stop: threading.Event) -> Iterator[Event]:
        workshop = Workshop(self.project, self.manner, stop)
        yield from workshop.make(jobs)


@dataclass(slots=True)
class _Worker:
    """An actor and what it has in hand."""

    number: int
    actor: Any
    ping: Any = None
    """A call that is answered when the actor is there; None once it was."""
    flights: int = 0


@dataclass(slots=True)
class _Flight:
    """A group on its way through a worker."""

    worker: _Worker
    left: dict[str, Job]
    begun: set[str] = field(default_factory=set)


class RayEngine:
    """Actors of Ray; made by `ray_engine`."""

    def __init__(self, actors: Sequence[Any], report: Reporter) -> None:
        self._report = report
        self._workers = [
            _Worker(number, actor, _ping(actor)) for number, actor in enumerate(actors, 1)
        ]

    @property
    def workers(self) -> int:
        return len(self._workers)

    def events(self, jobs: Sequence[Job], stop: threading.Event) -> Iterator[Event]:
        """Raises HubtoolsError when a worker cannot be started."""
        import ray

        todo = deque(_groups(jobs, len(self._workers)))
        flights: dict[Any, _Flight] = {}
        started, told = time.monotonic(), False
        while (todo or flights) and not stop.is_set():
            self._send(todo, flights)
            if not (flights or told) and time.monotonic() - started > _PATIENCE:
                told = True
                self._report.note("Waiting for Ray: it has no room for a worker so far")
            pings = {w.ping: w for w in self._workers if w.ping is not None}
            ready, _ = ray.wait([*flights, *pings], timeout=_LOOK, fetch_local=False)
            for one in ready:
                if one in pings:
                    self._answered(pings[one])
                elif one in flights:
                    yield from self._next(one, flights, todo)

    def close(self) -> None:
        """End the workers, whatever they do."""
        import ray

        for worker in self._workers:
            with suppress(Exception):
                ray.kill(worker.actor)

    def _send(self, todo: deque[list[Job]], flights: dict[Any, _Flight]) -> None:
        """Give each worker that is there its groups."""
        for _ in range(_GROUPS):
            for worker in self._workers:
                if todo and worker.ping is None and worker.flights < _GROUPS:
                    group = todo.popleft()
                    call = worker.actor.make.options(num_returns="streaming")
                    flights[call.remote(group)] = _Flight(worker, {job.name: job for job in group})
                    worker.flights += 1

    def _answered(self, worker: _Worker) -> None:
        import ray

        try:
            ray.get(worker.ping)
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            raise HubtoolsError(
                f"a worker cannot be started: {lines[-1] if lines else type(error).__name__}",
                fix="Is hf-hubtools[fleet,train] of this version installed on every machine?",
            ) from error
        worker.ping = None

    def _next(
        self, stream: Any, flights: dict[Any, _Flight], todo: deque[list[Job]]
    ) -> Iterator[Event]:
        """The next event of a flight, or what its worker's death leaves to do."""
        import ray

        flight = flights[stream]
        try:
            event: Event = ray.get(next(stream))
        except StopIteration:
            self._land(stream, flights)
        except ray.exceptions.RayError:
            self._land(stream, flights)
            if flight.worker.ping is None:
                flight.worker.ping = _ping(flight.worker.actor)
            yield from _again(flight, todo)
        else:
            if isinstance(event, Began):
                flight.begun.add(event.name)
            else:
                del flight.left[event.name]
            yield event

    def _land(self, stream: Any, flights: dict[Any, _Flight]) -> None:
        flights.pop(stream).worker.flights -= 1


def _ping(actor: Any) -> Any:
    """A call that is answered once the actor is there; Ray starts it again until it is."""
    return actor.ping.options(max_task_retries=-1).remote()


def _again(flight: _Flight, todo: deque[list[Job]]) -> Iterator[Event]:
    """Models of a dead worker go back one by one, so that one which kills takes no other along."""
    for job in flight.left.values():
        if job.name not in flight.begun:
            todo.append([job])
        elif job.attempt < ATTEMPTS:
            todo.append([replace(job, attempt=job.attempt + 1)])
        else:
            what = f"its worker died {ATTEMPTS} times; is there too little memory for it?"
            yield Outcome(name=job.name, error=what, exit_code=1)


def _groups(jobs: Sequence[Job], workers: int) -> Iterator[list[Job]]:
    """Groups so large that a worker is seldom asked, so small that all end together."""
    size = max(1, min(_LARGEST_GROUP, len(jobs) // (4 * _GROUPS * workers)))
    for first in range(0, len(jobs), size):
        yield list(jobs[first : first + size])


class _Actor:
    """A workshop in a worker of Ray. Its methods run in threads, so that a group can wait ready."""

    def __init__(self, project: Project, manner: Manner) -> None:
        self._workshop = Workshop(project, manner)

    def ping(self) -> int:
        return os.getpid()

    def make(self, jobs: Sequence[Job]) -> Iterator[Event]:
        yield from self._workshop.make(jobs)


@contextmanager
def ray_engine(
    workers: int | None,
    address: str | None,
    project: Project,
    report: Reporter,
    manner: Manner,
) -> Iterator[RayEngine]:
    """Workers in a cluster of this machine alone that ends with the run, or at `address`.

    `workers` None means one a GPU of the cluster, and where there is none as many as there are
    cores.
    """
    with ray_cluster(workers, address):
        import ray

        has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus, cores = int(has.get("GPU", 0)), int(has.get("CPU", 1))
        count = workers or gpus or cores
        share = ray.remote(_Actor).options(
            num_gpus=gpus / count if gpus else 0,
            num_cpus=max(1, cores // count),
            max_restarts=-1,
            max_task_retries=0,  # a job that kills would kill every worker in turn
            max_concurrency=2 * _GROUPS,
        )
        actors: list[Any] = [share.remote(project, manner) for _ in range(count)]
        engine = RayEngine(actors, report)
        try:
            yield engine
        finally:
            engine.close()
