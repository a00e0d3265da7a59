"""Workers in Ray, one per GPU or share of the cores.

Ray starts, places and restarts the workers and carries jobs and results. This module adds what
Ray cannot know: that a job whose worker died deserves another attempt, but not many. Import it
after `prepare_ray`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import ray

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import HubtoolsError
from hubtools.core.events import Reporter
from hubtools.fleet.jobs import FleetJob, JobEvent, JobResult, JobStarted, WorkerOptions
from hubtools.fleet.ray_cluster import ray_cluster
from hubtools.fleet.worker import FleetWorker

MAX_ATTEMPTS = 3
"""Workers that may die on a model before it is given up."""
_GROUPS_PER_WORKER = 2  # the second waits ready while the first is trained
_LARGEST_GROUP = 64
_REPORT_WAIT_AFTER = 30.0  # seconds without a worker
_POLL = 1.0  # seconds between two looks at the cancel token


@dataclass(slots=True)
class _RayWorker:
    """An actor and what it has in hand."""

    actor: Any
    ping: Any = None
    """A call that is answered once the actor runs; None afterwards."""
    groups: int = 0


@dataclass(slots=True)
class _RunningGroup:
    worker: _RayWorker
    unfinished: dict[str, FleetJob]
    started: set[str] = field(default_factory=set)


class RayEngine:
    """Actors of Ray; made by `ray_engine`."""

    def __init__(self, actors: Sequence[Any], reporter: Reporter) -> None:
        self._reporter = reporter
        self._workers = [_RayWorker(actor, _ping(actor)) for actor in actors]

    @property
    def workers(self) -> int:
        return len(self._workers)

    def run(self, jobs: Sequence[FleetJob], cancel: CancelToken) -> Iterator[JobEvent]:
        """What happens to `jobs`. Raises HubtoolsError when a worker cannot be started."""
        waiting = deque(_split(jobs, len(self._workers)))
        running: dict[Any, _RunningGroup] = {}
        started, reported = time.monotonic(), False
        while (waiting or running) and not cancel.cancelled:
            self._assign(waiting, running)
            if not (running or reported) and time.monotonic() - started > _REPORT_WAIT_AFTER:
                reported = True
                self._reporter.note("Waiting for Ray to find room for a worker")
            pings = {w.ping: w for w in self._workers if w.ping is not None}
            ready, _ = ray.wait([*running, *pings], timeout=_POLL, fetch_local=False)
            for call in ready:
                if call in pings:
                    _confirm(pings[call])
                elif call in running:
                    yield from _next_event(call, running, waiting)

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        for worker in self._workers:
            with suppress(Exception):
                ray.kill(worker.actor)

    def _assign(self, waiting: deque[list[FleetJob]], running: dict[Any, _RunningGroup]) -> None:
        for _ in range(_GROUPS_PER_WORKER):
            for worker in self._workers:
                if waiting and worker.ping is None and worker.groups < _GROUPS_PER_WORKER:
                    group = waiting.popleft()
                    call = worker.actor.run.options(num_returns="streaming").remote(group)
                    running[call] = _RunningGroup(worker, {job.name: job for job in group})
                    worker.groups += 1


def _confirm(worker: _RayWorker) -> None:
    """The worker answered its ping, or could not be started."""
    try:
        ray.get(worker.ping)
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines()
        raise HubtoolsError(
            f"a worker did not start: {lines[-1] if lines else type(error).__name__}",
            fix="Install this version of 'hf-hubtools[fleet,train]' on every machine",
        ) from error
    worker.ping = None


def _next_event(
    call: Any, running: dict[Any, _RunningGroup], waiting: deque[list[FleetJob]]
) -> Iterator[JobEvent]:
    """The next event of a group, or what its worker's death leaves to do."""
    group = running[call]
    try:
        event: JobEvent = ray.get(next(call))
    except StopIteration:
        running.pop(call).worker.groups -= 1
    except ray.exceptions.RayError:
        running.pop(call).worker.groups -= 1
        if group.worker.ping is None:
            group.worker.ping = _ping(group.worker.actor)
        yield from _retry(group, waiting)
    else:
        if isinstance(event, JobStarted):
            group.started.add(event.name)
        else:
            del group.unfinished[event.name]
        yield event


def _ping(actor: Any) -> Any:
    """A call that is answered once the actor runs; Ray restarts the actor until then."""
    return actor.ping.options(max_task_retries=-1).remote()


def _retry(group: _RunningGroup, waiting: deque[list[FleetJob]]) -> Iterator[JobEvent]:
    """Queue the models of a dead worker one by one, so that one that kills takes no other along."""
    for job in group.unfinished.values():
        if job.name not in group.started:
            waiting.append([job])
        elif job.attempt < MAX_ATTEMPTS:
            waiting.append([replace(job, attempt=job.attempt + 1)])
        else:
            what = f"its worker died {MAX_ATTEMPTS} times, perhaps for lack of memory"
            yield JobResult(name=job.name, error=what, exit_code=1)


def _split(jobs: Sequence[FleetJob], workers: int) -> Iterator[list[FleetJob]]:
    """Groups large enough to keep workers busy, small enough that all end at about one time."""
    size = max(1, min(_LARGEST_GROUP, len(jobs) // (4 * _GROUPS_PER_WORKER * workers)))
    for first in range(0, len(jobs), size):
        yield list(jobs[first : first + size])


class FleetActor:
    """A worker in a process of Ray. Its methods run in threads, so that a group can wait ready."""

    def __init__(self, options: WorkerOptions) -> None:
        self._worker = FleetWorker(options)

    def ping(self) -> int:
        return os.getpid()

    def run(self, jobs: Sequence[FleetJob]) -> Iterator[JobEvent]:
        yield from self._worker.run(jobs, CancelToken())


@contextmanager
def ray_engine(
    workers: int | None, address: str | None, options: WorkerOptions, reporter: Reporter
) -> Iterator[RayEngine]:
    """Workers in a cluster on this machine that ends with the run, or in the one at `address`.

    `workers` None means one per GPU of the cluster, and without GPUs one per core.
    """
    with ray_cluster(workers, address) as resources:
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        count = workers or gpus or cores
        remote = ray.remote(FleetActor).options(
            num_gpus=gpus / count if gpus else 0,
            num_cpus=max(1, cores // count),
            max_restarts=-1,
            max_task_retries=0,  # a job that kills would kill every worker in turn
            max_concurrency=2 * _GROUPS_PER_WORKER,
        )
        actors: list[Any] = [remote.remote(options) for _ in range(count)]
        engine = RayEngine(actors, reporter)
        try:
            yield engine
        finally:
            engine.close()
