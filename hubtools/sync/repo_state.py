"""The state of a repository: what the cards ask for, and what was observed on the Hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

README = "README.md"
GIT_ATTRIBUTES = ".gitattributes"
SPACES = "spaces/"
"""What the ids of Spaces begin with here, as in their addresses; all others are models."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The two names that a Hub has for a file's content."""

    sha256: str
    git: str
    """Git's SHA-1 of a blob, by which listings name files that are not in LFS."""

    def matches(self, observed: str | None) -> bool:
        """Whether `observed`, written `sha256:…` or `git:…`, names the same content."""
        return observed in (f"sha256:{self.sha256}", f"git:{self.git}")


@dataclass(frozen=True, slots=True)
class Desired:
    """What should be on the Hub for one card: its README and the files of its model, if any."""

    name: str
    retired: bool
    files: Mapping[str, Digest]

    @property
    def card_only(self) -> bool:
        """Whether only the README is ours: all other files on the Hub stay as they are."""
        return self.files.keys() == {README}


@dataclass(frozen=True, slots=True)
class Revision:
    """A repository and the commit it is at, as the listing of its owner has it."""

    repo_id: str
    sha: str
    private: bool = False

    @property
    def name(self) -> str:
        return self.repo_id.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of the files of a repository at `revision`."""

    revision: str
    files: Mapping[str, str]
    """By path, `sha256:…` or `git:…`: all files, or the README where only the card is ours."""
    edited: frozenset[str] = frozenset()
    """Files with someone else's changes that the card does not have yet."""
    unreadable: str | None = None
    """Why nothing is known, where the repository could not be read."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The repositories of a namespace and what is known of their files, by name."""

    revisions: Mapping[str, Revision]
    observed: Mapping[str, Observed]
    cached: Mapping[str, str] = field(default_factory=dict)
    """The revisions that an earlier run left, by name."""
