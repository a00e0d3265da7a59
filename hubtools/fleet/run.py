"""A fleet from its manifest to models on a Hub: what is done is skipped, what fails is told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError, MissingExtraError, PartlyDoneError
from hubtools.core.events import Reporter
from hubtools.core.run_record import RUN_RECORD
from hubtools.fleet.cluster import require_ray
from hubtools.fleet.display import Board
from hubtools.fleet.engine import Engine, InProcess, ray_engine
from hubtools.fleet.journal import Done, Journal, Place, locked, place_of, row_key
from hubtools.fleet.manifest import DEFAULTS, WHOLE, Options, Row, Shard, read_manifest
from hubtools.fleet.page import summary, write_summary
from hubtools.fleet.progress import End, Progress, Summary
from hubtools.fleet.publishing import Publisher
from hubtools.fleet.worker import ALONE, Job, Manner, Outcome
from hubtools.sync.target import Target
from hubtools.training.extra import require_training

WAITING = 32
"""Finished models that may wait for their upload."""
_HOPELESS = 3  # failures in a row of the kind that the next model would meet too


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    """What a person asks for."""

    manifest: Path
    target: Target | None
    """None: nothing is published."""
    namespace: str | None = None
    workers: int | None = None
    """0 makes all in this process; None takes what the machine has."""
    address: str | None = None
    """Of a Ray cluster; None is this machine."""
    shard: Shard = WHOLE
    waiting: int = WAITING
    keep: bool = True
    """Whether a model's folder stays once it is on the Hub."""
    manner: Manner = ALONE
    fallback: Options = DEFAULTS


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run of a fleet ended."""

    summary: Summary
    end: End
    cause: HubtoolsError | None = None
    """Why it ended before its time."""

    def error(self) -> HubtoolsError | None:
        """What a command ends with; None when every row is done."""
        if self.end == "interrupted":
            return None
        summary = self.summary
        undone = len(summary.failed) + summary.left
        if self.cause is not None and undone == summary.total:
            return self.cause
        if not undone:
            return None
        fix = str(self.cause) if self.cause else "Mend them and run the same command again"
        return PartlyDoneError(f"{undone:,} of {summary.total:,} models are not done", fix=fix)


def run_fleet(request: FleetRequest, project: Project, board: Board, report: Reporter) -> Finished:
    """Make the models that the manifest lists, publish them, and say how it ended.

    Rows that an earlier run finished are skipped. Ctrl-C begins nothing more, and what is not
    finished is left for the next run. Raises ConfigError for the manifest, UsageError when
    the same fleet is being made by another process, MissingExtraError, and AccessError and
    HubUnavailableError when the Hub refuses before anything is made.
    """
    rows = request.shard.of(read_manifest(request.manifest, request.fallback))
    place = place_of(request.manifest, request.shard, project)
    with locked(place):
        run = _Run(request, project, report)
        with _interruptible(run), run.publisher or nullcontext(), closing(Journal(place)) as kept:
            return run.go(rows, place, kept, board)


@dataclass(frozen=True, slots=True)
class _Todo:
    """The rows of a run by what is left to do with them."""

    jobs: list[Job]
    publish: list[str]
    """Made by an earlier run, and not published."""

    def sort(self, row: Row, key: str, done: Done | None, made: bool, to: str | None) -> None:
        """Put one row where it belongs."""
        if done is None or done.key != key:
            self.jobs.append(Job(name=row.name, request=row.request, key=key))
        elif to is not None and to in done.published:
            return
        elif not made:
            self.jobs.append(Job(name=row.name, request=row.request, key=key))
        elif to is not None:
            self.publish.append(row.name)


class _Run:
    """One run of a fleet: its parts, and how it is ended."""

    def __init__(self, request: FleetRequest, project: Project, report: Reporter) -> None:
        self.stop = threading.Event()
        """Set to begin nothing more."""
        self.pressed = False
        self.publisher = None if request.target is None else self._publisher(request, project)
        self._request, self._project, self._report = request, project, report
        self._cause: HubtoolsError | None = None
        self._hopeless = 0

    def _publisher(self, request: FleetRequest, project: Project) -> Publisher:
        assert request.target is not None
        return Publisher(
            project,
            request.target,
            request.namespace,
            waiting=request.waiting,
            keep=request.keep,
            stop=self.stop,
        )

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.pressed = True
        self.stop.set()
        if self.publisher is not None:
            self.publisher.cut()

    def go(self, rows: Sequence[Row], place: Place, journal: Journal, board: Board) -> Finished:
        """Do what is left to do."""
        to = f"{self.publisher.namespace} on {self._request.target}" if self.publisher else None
        keys = {row.name: row_key(row) for row in rows}
        todo, known = _Todo([], []), journal.done()
        for row in rows:
            made = (self._project.models_folder / row.name / RUN_RECORD).is_file()
            todo.sort(row, keys[row.name], known.get(row.name), made, to)
        if todo.jobs:
            require_training()
        with _engine(self._request, len(todo.jobs), self._project, self._report) as engine:
            progress = Progress(
                place,
                journal,
                keys=keys,
                wheres={row.name: row.where for row in rows},
                there=len(rows) - len(todo.jobs) - len(todo.publish),
                to=to,
                workers=engine.workers,
                manifest=str(self._request.manifest),
            )
            with board.watching(progress):
                self._work(todo, engine, progress, board)
                if self.publisher is not None:
                    self.publisher.finish()
            return self._finished(progress)

    def _work(self, todo: _Todo, engine: Engine, progress: Progress, board: Board) -> None:
        if self.publisher is not None:
            self.publisher.tell(progress)
            for name in todo.publish:
                self.publisher.put(name)
        for event in engine.events(todo.jobs, self.stop):
            progress.tell(event)
            board.tell(event, progress)
            if isinstance(event, Outcome):
                if event.error is None and self.publisher is not None:
                    self.publisher.put(event.name)
                self._watch(event)

    def _watch(self, outcome: Outcome) -> None:
        """End a run in which every model meets the same wall."""
        self._hopeless = self._hopeless + 1 if outcome.hopeless else 0
        if self._hopeless >= _HOPELESS and not self.stop.is_set():
            self._cause = HubtoolsError(str(outcome.error))
            self.stop.set()

    def _finished(self, progress: Progress) -> Finished:
        cause = self._cause or (self.publisher.cause if self.publisher else None)
        found = progress.summary()
        undone = found.failed or found.left
        end: End = "interrupted" if self.pressed else "stopped" if cause else "done"
        if end == "done" and undone:
            end = "partly"
        progress.finish(end)
        self._tell_hub(progress)
        return Finished(found, end, cause)

    def _tell_hub(self, progress: Progress) -> None:
        """A Hub in a folder has a page for the fleet."""
        target = self._request.target
        if self.publisher is not None and target is not None and target.kind == "local":
            said = summary(progress.state(), progress.scores(), self.publisher.namespace)
            write_summary(Path(target.place) / "fleets" / progress.file.name, said)


@contextmanager
def _engine(
    request: FleetRequest, jobs: int, project: Project, report: Reporter
) -> Iterator[Engine]:
    """The engine that fits the request, the machine and what is to be done."""
    workers = request.workers
    if request.address is None:
        if workers is None:
            workers = min(_parallel(report), jobs)
        if workers == 0 or jobs <= 1:
            yield InProcess(project, request.manner)
            return
    count = workers and min(workers, jobs)
    with ray_engine(count, request.address, project, report, request.manner) as engine:
        yield engine


def _parallel(report: Reporter) -> int:
    """How many workers this machine is good for: its GPUs, else its cores. 0 is no engine."""
    import torch

    count = torch.cuda.device_count() or len(os.sched_getaffinity(0))
    if count <= 1:
        return 0
    try:
        require_ray()
    except MissingExtraError as error:
        report.note(f"One model at a time: {error}")
        return 0
    return count


@contextmanager
def _interruptible(run: _Run) -> Iterator[None]:
    """Ctrl-C begins nothing more; a second one does not wait for what is in hand."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signal_number: int, frame: object) -> None:
        if run.pressed:
            raise KeyboardInterrupt
        run.interrupt()

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
