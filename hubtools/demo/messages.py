"""What the page and a job's process send each other, as JSON Lines.

Jobs go to the process. It answers with the events of the services and ends with one of the
messages in `JobEnd`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec

from hubtools.core.config import Config
from hubtools.core.events import Note, Progress, Warning
from hubtools.core.results import PostCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosts:
    """Read the sources, and write the kept texts to `kept` as JSON Lines."""

    root: str
    """Of the project, as in all jobs."""
    config: Config
    sources: tuple[str, ...]
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainModel:
    """Train a model of the sources."""

    root: str
    config: Config
    sources: tuple[str, ...]
    base: str
    recipe: str | None
    seed: int
    prompt: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishModel:
    """Publish a model by its card's name."""

    root: str
    config: Config
    name: str
    to: str
    namespace: str | None
    token: str | None
    """Not an argument or environment variable, so that no list of processes shows it."""


@dataclass(frozen=True, slots=True)
class DroppedPosts:
    """Why posts were dropped, how many, and one of them."""

    reason: str
    count: int
    example: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """What a source holds."""

    title: str
    counts: PostCounts
    dropped: tuple[DroppedPosts, ...]
    redacted: int
    samples: tuple[str, ...]
    """A few posts as training sees them."""
    notes: tuple[str, ...]
    warning: str | None
    refusal: str | None
    """Why this account cannot be trained on."""


@dataclass(frozen=True, slots=True)
class PostsRead:
    """The end of ReadPosts."""

    accounts: tuple[AccountSummary, ...]

    @property
    def trainable(self) -> bool:
        """Whether a model can be trained on these accounts."""
        return not any(account.refusal for account in self.accounts)


@dataclass(frozen=True, slots=True)
class ModelTrained:
    """The end of TrainModel."""

    card_file: str
    folder: str


@dataclass(frozen=True, slots=True)
class ModelPublished:
    """The end of PublishModel."""

    repo: str
    url: str


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job ended with an error, in one line."""

    error: str
    exit_code: int = 1
    """As a command would exit with it."""


@dataclass(frozen=True, slots=True)
class JobTimedOut:
    """The job was stopped at its limit; the same job resumes from there."""

    minutes: float


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """The job was stopped; the same job resumes from there."""


DemoJob = ReadPosts | TrainModel | PublishModel
JobEnd = PostsRead | ModelTrained | ModelPublished | JobFailed | JobTimedOut | JobCancelled
DemoEvent = Progress | Note | Warning | JobEnd
_TYPES: dict[str, Any] = {kind.__name__: kind for kind in (*DemoJob.__args__, *DemoEvent.__args__)}


class _Line(msgspec.Struct):
    type: str
    data: msgspec.Raw


def encode(message: DemoJob | DemoEvent) -> bytes:
    """One line."""
    data = msgspec.Raw(msgspec.json.encode(message))
    return msgspec.json.encode(_Line(type(message).__name__, data)) + b"\n"


def decode(line: bytes) -> Any:
    """The job or event in a line."""
    message = msgspec.json.decode(line, type=_Line)
    return msgspec.json.decode(message.data, type=_TYPES[message.type])


def is_end(event: DemoEvent | None) -> TypeGuard[JobEnd]:
    """Whether nothing follows an event."""
    return isinstance(event, JobEnd)
