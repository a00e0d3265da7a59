"""What the page and a job's process send each other, pickled.

Jobs go to the process: requests of services, and PublishModel. It answers with the events of the
services and ends with one of the messages in `JobEnd`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hubtools.core.config import Project
from hubtools.core.events import Note, Progress, Warning
from hubtools.corpus.corpus import Corpus
from hubtools.services.read import ReadRequest
from hubtools.services.train import TrainRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishModel:
    """Publish a trained model by its card's name."""

    project: Project
    name: str
    to: str
    namespace: str | None
    token: str | None = field(repr=False)
    """Not an argument or environment variable, so that no list of processes shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """What a source holds, and whether that is enough."""

    title: str
    corpus: Corpus
    samples: tuple[str, ...]
    """A few posts as training sees them."""
    warning: str | None
    refusal: str | None
    """Why this account cannot be trained on."""


@dataclass(frozen=True, slots=True)
class PostsRead:
    """The end of reading."""

    accounts: tuple[AccountSummary, ...]

    @property
    def kept(self) -> Iterator[str]:
        """The texts of all accounts that training sees."""
        return (post.text for account in self.accounts for post in account.corpus.kept)

    @property
    def trainable(self) -> bool:
        return not any(account.refusal for account in self.accounts)


@dataclass(frozen=True, slots=True)
class ModelTrained:
    """The end of training."""

    name: str
    """Of the card and the model's folder."""


@dataclass(frozen=True, slots=True)
class ModelPublished:
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


DemoJob = ReadRequest | TrainRequest | PublishModel
JobEnd = PostsRead | ModelTrained | ModelPublished | JobFailed | JobTimedOut | JobCancelled
DemoEvent = Progress | Note | Warning | JobEnd
