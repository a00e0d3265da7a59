"""What the page and the process that works for a visitor say to each other: JSON Lines."""

from __future__ import annotations

from typing import Any

import msgspec

from hubtools.core.config import Config
from hubtools.core.events import WarningCode
from hubtools.core.results import PostCounts
from hubtools.services.train import TrainRequest


class Job(msgspec.Struct, frozen=True, tag=True):
    """What is to be done in the project at `root`."""

    root: str
    config: Config


class Look(Job, frozen=True, tag=True):
    """Read the sources, and write the texts that are kept to `kept` as JSON Lines."""

    request: TrainRequest
    kept: str


class Train(Job, frozen=True, tag=True):
    """Make the model and its card."""

    request: TrainRequest


class Publish(Job, frozen=True, tag=True):
    """Bring a card and its model to a Hub."""

    card: str
    to: str
    namespace: str | None
    token: str | None
    """Stands in no argument and no environment, so no list of processes shows it."""


class Note(msgspec.Struct, frozen=True, tag=True):
    """Something that a person should know."""

    text: str
    code: WarningCode | None = None
    """Of a warning."""


class Step(msgspec.Struct, frozen=True, tag=True):
    """How far a long step is."""

    title: str
    done: float
    total: float
    detail: str
    loss: float | None = None
    """Of a training step, nats/token."""


class LeftOut(msgspec.Struct, frozen=True):
    """Why posts were left out: a reason, how many, and one of them."""

    reason: str
    count: int
    example: str | None


class SeenAccount(msgspec.Struct, frozen=True):
    """What a source holds."""

    title: str
    counts: PostCounts
    left_out: tuple[LeftOut, ...]
    redacted: int
    samples: tuple[str, ...]
    """A few posts as training sees them."""
    notes: tuple[str, ...]
    warning: str | None
    refusal: str | None
    """Why training would refuse this account."""


class Looked(msgspec.Struct, frozen=True, tag=True):
    """The end of Look."""

    accounts: tuple[SeenAccount, ...]

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why no model can be made of these."""
        return tuple(account.refusal for account in self.accounts if account.refusal)


class Trained(msgspec.Struct, frozen=True, tag=True):
    """The end of Train."""

    card: str
    folder: str


class Published(msgspec.Struct, frozen=True, tag=True):
    """The end of Publish."""

    repo: str
    url: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """An end that is none: the one line of an error."""

    error: str


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The end that was asked for; the same job goes on from there."""


Event = Note | Step | Looked | Trained | Published | Failed | Stopped
Ending = Looked | Trained | Published | Failed | Stopped
_JOBS: Any = msgspec.json.Decoder(
    Look | Train | Publish,
    dec_hook=lambda kind, value: kind(value),  # a Path
)
_EVENTS: Any = msgspec.json.Decoder(Event)


def encode(message: Job | Event) -> bytes:
    """One line."""
    return msgspec.json.encode(message, enc_hook=str) + b"\n"


def decode_job(line: bytes) -> Look | Train | Publish:
    """The job in a line."""
    job: Look | Train | Publish = _JOBS.decode(line)
    return job


def decode_event(line: bytes) -> Event:
    """The event in a line."""
    event: Event = _EVENTS.decode(line)
    return event
