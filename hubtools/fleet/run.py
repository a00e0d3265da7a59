"""A fleet from its manifest to models on a Hub: rows that are done are skipped, failures listed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError, PartlyDoneError
from hubtools.core.events import Reporter
from hubtools.core.extras import require_extra
from hubtools.core.run_record import RUN_RECORD
from hubtools.fleet.jobs import FleetJob, JobResult, WorkerOptions
from hubtools.fleet.journal import FleetFiles, FleetJournal, fleet_files, fleet_lock, row_key
from hubtools.fleet.manifest import (
    ALL_ROWS,
    DEFAULT_OPTIONS,
    FleetRow,
    RowOptions,
    Shard,
    read_manifest,
)
from hubtools.fleet.page import fleet_summary, write_summary
from hubtools.fleet.progress import FleetProgress
from hubtools.fleet.publisher import FleetPublisher
from hubtools.fleet.state import FleetEnd, FleetFailure, FleetState
from hubtools.services.targets import resolve_target

_GIVE_UP_AFTER = 3  # failures in a row that the next model would meet too


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    project: Project
    manifest: Path
    to: str | None = None
    """As `--to` writes it; None is the project's target."""
    namespace: str | None = None
    publish: bool = True
    workers: int | None = None
    """0 trains in this process; None takes what the machine has."""
    address: str | None = None
    shard: Shard = ALL_ROWS
    max_pending_uploads: int = 32
    """Trained models that may wait for their upload before training pauses."""
    keep_folders: bool = True
    """Whether a model's folder stays once it is on the Hub."""
    worker: WorkerOptions = field(default_factory=WorkerOptions)
    defaults: RowOptions = DEFAULT_OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetResult:
    state: FleetState
    models: tuple[JobResult, ...]
    failures: tuple[FleetFailure, ...]
    cause: HubtoolsError | None = None
    """Why the run ended early; None when it did not, or was cancelled."""

    @property
    def end(self) -> FleetEnd:
        assert self.state.end is not None
        return self.state.end

    def error(self) -> HubtoolsError | None:
        """What a command exits with; None when every row is done, and after a cancel."""
        undone = len(self.failures) + self.state.remaining
        if self.end == "interrupted" or not undone:
            return None
        if self.cause is not None and undone == self.state.total:
            return self.cause
        return PartlyDoneError(
            f"{undone:,} of {self.state.total:,} models are not done",
            fix=str(self.cause) if self.cause else "Fix their rows and run the same command again",
        )


def run_fleet(request: FleetRequest, reporter: Reporter, cancel: CancelToken) -> FleetResult:
    """Train the models that the manifest lists, and publish them; `reporter` gets FleetUpdated.

    Rows that an earlier run finished are skipped. Once `cancel` is set nothing new starts, and
    what is unfinished is left for the next run. Raises ConfigError for the manifest, UsageError
    when another process runs the same fleet, MissingExtraError, and AccessError and
    HubUnavailableError when the Hub refuses before anything is trained.
    """
    require_extra("train", "Training", "torch", "transformers")
    rows = read_manifest(request.manifest, request.project, request.defaults)
    rows = request.shard.select(rows)
    files = fleet_files(request.manifest, request.shard, request.project)
    with fleet_lock(files):
        run = _FleetRun(request, reporter, cancel)
        with run.publisher or nullcontext(), closing(FleetJournal(files)) as journal:
            return run.go(rows, journal)


class _FleetRun:
    """One run: its parts, and what ends it early."""

    def __init__(self, request: FleetRequest, reporter: Reporter, cancel: CancelToken) -> None:
        self._request, self._reporter, self._cancel = request, reporter, cancel
        self._workers = cancel.child()
        self.publisher: FleetPublisher | None = None
        if request.publish:
            self.publisher = FleetPublisher(
                request.project,
                resolve_target(request.project, request.to, request.namespace),
                max_pending=request.max_pending_uploads,
                keep_folders=request.keep_folders,
                cancel=cancel.child(),
                workers=self._workers,
            )
        self._cause: HubtoolsError | None = None
        self._failures_in_a_row = 0

    def go(self, rows: Sequence[FleetRow], journal: FleetJournal) -> FleetResult:
        from hubtools.fleet.engine import open_engine

        publisher, request = self.publisher, self._request
        to = f"{publisher.namespace} on {publisher.target}" if publisher else None
        keys = {row.name: row_key(row) for row in rows}
        train, publish = _unfinished(rows, keys, journal, to, request.project)
        with open_engine(
            request.workers, request.address, len(train), request.worker, self._reporter
        ) as engine:
            unfinished = len(train) + len(publish)
            first = FleetState(
                manifest=str(request.manifest),
                shard=str(request.shard),
                to=to,
                process=os.getpid(),
                machine=socket.gethostname(),
                workers=engine.workers,
                started=time.time(),
                updated=time.time(),
                total=len(rows),
                already_done=len(rows) - unfinished,
                remaining=unfinished,
            )
            places = {row.name: row.where for row in rows}
            progress = FleetProgress(first, keys, places, journal, self._reporter)
            if publisher is not None:
                publisher.progress = progress
                for name in publish:
                    publisher.put(name)
            for event in engine.run(train, self._workers):
                progress.record(event)
                if isinstance(event, JobResult):
                    self._watch(event)
                    if event.error is None and publisher is not None:
                        publisher.put(event.name)
            if publisher is not None:
                publisher.finish()
        return self._result(progress, journal.files)

    def _watch(self, result: JobResult) -> None:
        """End a run in which every model fails for the same reason."""
        self._failures_in_a_row = self._failures_in_a_row + 1 if result.affects_all else 0
        if self._failures_in_a_row >= _GIVE_UP_AFTER and self._cause is None:
            self._cause = HubtoolsError(str(result.error))
            self._workers.cancel()

    def _result(self, progress: FleetProgress, files: FleetFiles) -> FleetResult:
        publisher = self.publisher
        cause = self._cause or (publisher.cause if publisher else None)
        state = progress.state()
        end: FleetEnd = "partly" if state.failed or state.remaining else "done"
        if self._cancel.cancelled:
            end = "interrupted"
        elif cause:
            end = "stopped"
        state = progress.finish(end)
        if publisher is not None and publisher.target.kind == "local":
            summary = fleet_summary(state, progress.scores(), publisher.namespace)
            write_summary(Path(publisher.target.place) / "fleets" / files.state.name, summary)
        return FleetResult(
            state=state,
            models=tuple(progress.trained),
            failures=tuple(progress.failures),
            cause=cause,
        )


def _unfinished(
    rows: Sequence[FleetRow],
    keys: dict[str, str],
    journal: FleetJournal,
    to: str | None,
    project: Project,
) -> tuple[list[FleetJob], list[str]]:
    """What is left to train, and which trained models are left to publish."""
    train: list[FleetJob] = []
    publish: list[str] = []
    published = journal.published(keys)
    for row in rows:
        if to is not None and to in published.get(row.name, ()):
            continue
        complete = (project.models_folder / row.name / RUN_RECORD).is_file()
        if not (complete and row.name in published):
            train.append(FleetJob(name=row.name, request=row.request))
        elif to is not None:
            publish.append(row.name)
    return train, publish
