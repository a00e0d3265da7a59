"""Making a group of models in one process: what an engine calls, with or without workers.

Each model goes the whole way of `publish.make_model` in a thread of its own, a few at a time. One
of them trains, since the bases are lent to one at a time; meanwhile the next is read, and the
one before is drawn and put in place. So the device waits for no disk.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from queue import SimpleQueue

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import (
    AccessError,
    HubtoolsError,
    HubUnavailableError,
    MissingExtraError,
    OutputError,
)
from hubtools.core.events import Event as ServiceEvent
from hubtools.core.events import Progress, Reporter, Started, Warning
from hubtools.services.train import TrainedModel, TrainRequest, train
from hubtools.training.model_cache import ModelCache

AT_A_TIME = 3
"""Models in hand where each trains alone: one is read, one is trained, one is finished."""
_EVERYBODY = (OutputError, AccessError, HubUnavailableError, MissingExtraError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a worker trains."""

    compiling: bool = False
    """Whether it compiles the base's loss, which pays for many models alone."""
    together: int = 1
    """How many models it trains at once."""


ALONE = Manner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model to make."""

    name: str
    request: TrainRequest
    key: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Began:
    """A worker took up a model."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one model."""

    name: str
    error: str | None = None
    """None when it was made."""
    exit_code: int = 0
    """Of the error, as `make_model` alone would end with it."""
    seconds: float = 0.0
    """From reading to the finished folder."""
    device_seconds: float = 0.0
    """Of these, with the base in hand: training, predicting and evaluating."""
    posts: int | None = None
    loss: float | None = None
    """Over held-out posts, mean a token in nats."""
    bits_per_byte: float | None = None
    base_bits_per_byte: float | None = None
    memorized_fraction: float | None = None
    hopeless: bool = False
    """Whether the error is likely to be that of the next model too: a full disk, a Hub away."""
    notes: tuple[str, ...] = ()
    """Warnings of this model."""


Event = Began | Outcome


class Workshop:
    """One process that makes models; what it loaded stays warm from one group to the next."""

    def __init__(
        self, project: Project, manner: Manner, stop: threading.Event | None = None
    ) -> None:
        self._stop = stop or threading.Event()
        """Set to end after the step in progress; what is not made has no outcome."""
        self._project = project
        self._at_a_time = AT_A_TIME - 1 + manner.together
        self._cancel = CancelToken()
        self._models = ModelCache(compiling=manner.compiling, models_per_batch=manner.together)

    def make(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Make these models; every error of one is its outcome, and the others go on.

        Whoever does not take the next event holds up the models behind it.
        """
        events: SimpleQueue[Event | None] = SimpleQueue()
        waiting = iter(jobs)
        with ThreadPoolExecutor(self._at_a_time) as pool:
            try:
                going = 0
                for job in islice(waiting, self._at_a_time):
                    pool.submit(self._one, job, events)
                    going += 1
                while going:
                    event = events.get()
                    if event is not None:
                        yield event
                    if isinstance(event, Began):
                        continue
                    following = None if self._stop.is_set() else next(waiting, None)
                    if following is None:
                        going -= 1
                    else:
                        pool.submit(self._one, following, events)
            except BaseException:
                self._stop.set()  # nobody takes what is made, so nothing more is
                raise

    def _one(self, job: Job, events: SimpleQueue[Event | None]) -> None:
        """Make one model and say so; None when it was stopped."""
        outcome = None
        try:
            if not self._stop.is_set():
                events.put(Began(job.name))
                outcome = self._outcome(job)
        except _StoppedError:
            pass
        finally:
            events.put(outcome)

    def _outcome(self, job: Job) -> Outcome:
        started, notes = time.monotonic(), _Notes(self._stop)
        self._models.pop_device_seconds()
        try:
            request = replace(job.request, project=self._project)
            made = train(request, Reporter((notes,)), self._cancel, self._models)
        except HubtoolsError as error:
            return _failed(job.name, str(error), error.exit_code, isinstance(error, _EVERYBODY))
        except OSError as error:
            what = f"{error.filename or 'system'}: {error.strerror or error}"
            return _failed(job.name, what, 1, error.errno in _NO_ROOM)
        except _StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - one model must not end the others
            what = " ".join(f"Internal error: {type(error).__name__}: {error}".split())
            return _failed(job.name, what, 1, False)
        seconds = round(time.monotonic() - started, 2)
        return _made(job.name, made, seconds, self._models.pop_device_seconds(), notes)


class _StoppedError(Exception):
    """The work was asked to end."""


class _Notes:
    """Keeps the warnings of one model; its events are where a stop is noticed."""

    def __init__(self, stop: threading.Event) -> None:
        self.warnings: list[str] = []
        self._stop = stop

    def __call__(self, event: ServiceEvent) -> None:
        if isinstance(event, Warning):
            self.warnings.append(event.text)
        elif isinstance(event, Started | Progress) and self._stop.is_set():
            raise _StoppedError


def _failed(name: str, error: str, exit_code: int, hopeless: bool) -> Outcome:
    return Outcome(name=name, error=error, exit_code=exit_code, hopeless=hopeless)


def _made(
    name: str, made: TrainedModel, seconds: float, device_seconds: float, notes: _Notes
) -> Outcome:
    evaluation, training = made.folder.run.evaluation, made.folder.run.training
    return Outcome(
        name=name,
        seconds=seconds,
        device_seconds=device_seconds,
        posts=training.posts,
        loss=evaluation.test_loss,
        bits_per_byte=evaluation.bits_per_byte,
        base_bits_per_byte=evaluation.base_bits_per_byte,
        memorized_fraction=evaluation.memorized_fraction,
        notes=tuple(notes.warnings),
    )
