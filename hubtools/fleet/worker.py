"""Training a group of models in one process: what every engine runs, with or without Ray.

Each model goes the whole way of `hubtools train` in a thread of its own, a few at a time. One of
them trains while the next is read and the one before is drawn and put in place, so the device
never waits for the disk.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from queue import SimpleQueue

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import (
    AccessError,
    HubtoolsError,
    HubUnavailableError,
    MissingExtraError,
    OutputError,
)
from hubtools.core.events import Event, Reporter, Warning
from hubtools.fleet.jobs import FleetJob, JobEvent, JobResult, JobStarted, WorkerOptions
from hubtools.services.train import train
from hubtools.training.model_cache import ModelCache

PIPELINE_DEPTH = 3
"""Models in progress where each trains alone: one is read, one is trained, one is finished."""
_AFFECT_ALL = (OutputError, AccessError, HubUnavailableError, MissingExtraError)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class FleetWorker:
    """Trains models in this process; a loaded base stays warm from one group to the next.

    It is also the engine of a fleet that needs no more than this process.
    """

    workers = 1

    def __init__(self, options: WorkerOptions) -> None:
        self._concurrent = PIPELINE_DEPTH - 1 + options.models_per_batch
        self._models = ModelCache(
            compiling=options.compile, models_per_batch=options.models_per_batch
        )

    def run(self, jobs: Sequence[FleetJob], cancel: CancelToken) -> Iterator[JobEvent]:
        """Train these models. The error of one is its result, and the others go on.

        Nothing new starts until the caller takes the next event. Once `cancel` is set, models end
        after the step in progress, and have no result.
        """
        events: SimpleQueue[JobEvent | None] = SimpleQueue()
        waiting = iter(jobs)
        with ThreadPoolExecutor(self._concurrent) as pool:
            try:
                running = 0
                for job in islice(waiting, self._concurrent):
                    pool.submit(self._run_one, job, events, cancel)
                    running += 1
                while running:
                    event = events.get()
                    if event is not None:
                        yield event
                    if isinstance(event, JobStarted):
                        continue
                    following = None if cancel.cancelled else next(waiting, None)
                    if following is None:
                        running -= 1
                    else:
                        pool.submit(self._run_one, following, events, cancel)
            except BaseException:
                cancel.cancel()  # nobody takes the results any more
                raise

    def _run_one(
        self, job: FleetJob, events: SimpleQueue[JobEvent | None], cancel: CancelToken
    ) -> None:
        """Train one model and report its result, or None when it was cancelled."""
        result = None
        try:
            if not cancel.cancelled:
                events.put(JobStarted(job.name))
                result = self._result(job, cancel)
        except CancelledError:
            pass
        finally:
            events.put(result)

    def _result(self, job: FleetJob, cancel: CancelToken) -> JobResult:
        started = time.monotonic()
        events: list[Event] = []
        self._models.pop_device_seconds()
        failed = partial(JobResult, name=job.name)
        try:
            model = train(job.request, Reporter((events.append,)), cancel, self._models)
        except HubtoolsError as error:
            code, affects_all = error.exit_code, isinstance(error, _AFFECT_ALL)
            return failed(error=str(error), exit_code=code, affects_all=affects_all)
        except OSError as error:
            what = f"{error.filename or 'system'}: {error.strerror or error}"
            return failed(error=what, exit_code=1, affects_all=error.errno in _DISK_FULL)
        except Exception as error:  # noqa: BLE001 - one model must not end the others
            what = " ".join(f"Internal error: {type(error).__name__}: {error}".split())
            return failed(error=what, exit_code=1)
        evaluation = model.folder.run.evaluation
        return JobResult(
            name=job.name,
            seconds=round(time.monotonic() - started, 2),
            device_seconds=self._models.pop_device_seconds(),
            posts=model.folder.run.training.posts,
            test_loss=evaluation.test_loss,
            bits_per_byte=evaluation.bits_per_byte,
            base_bits_per_byte=evaluation.base_bits_per_byte,
            memorized_fraction=evaluation.memorized_fraction,
            warnings=tuple(event.text for event in events if isinstance(event, Warning)),
        )
