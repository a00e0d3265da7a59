"""What the store holds and what is asked of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from hubtools.localhub.objects import Staged

SortKey = Literal["createdAt", "lastModified", "name"]
SPACES = "spaces/"
"""What the namespace of a Space begins with here, as its address does; no model's can."""


@dataclass(frozen=True, slots=True)
class RepoId:
    """A repository's whole name; case is kept and does not tell two apart.

    That of a Space has `spaces/` before its owner, as in its address.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_space(self) -> bool:
        return self.namespace.startswith(SPACES)

    @property
    def owner(self) -> str:
        """The user or organization."""
        return self.namespace.removeprefix(SPACES)


@dataclass(frozen=True, slots=True)
class RepoCard:
    """What a README's front matter says, as far as it can be read."""

    data: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    library_name: str | None = None


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository at its head; times are ISO 8601 in UTC, with milliseconds."""

    key: int
    id: RepoId
    private: bool
    gated: str | None
    created: str
    modified: str
    head: str
    seq: int
    card: RepoCard
    has_picture: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """One step of a repository's history; `seq` counts from 1."""

    seq: int
    oid: str
    parent: str | None
    time: str
    author: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit did to a path; `entry` is None where it deleted the file."""

    path: str
    kind: Literal["added", "changed", "deleted"]
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree; `pointer_size` is set for LFS files and is their pointer's length.

    `oid` is the git blob's (of the pointer, for LFS), `sha256` and `size` the content's,
    `added` the seq of the commit that last changed it.
    """

    path: str
    oid: str
    sha256: str
    size: int
    pointer_size: int | None
    added: int


@dataclass(frozen=True, slots=True)
class AddFile:
    """Put a regular file; its staged content is kept or dropped with the commit."""

    path: str
    content: Staged


@dataclass(frozen=True, slots=True)
class AddLfsFile:
    """Put an LFS file whose content was uploaded before; `size` in bytes, when it is known."""

    path: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteFile:
    path: str


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    path: str


Operation: TypeAlias = AddFile | AddLfsFile | DeleteFile | DeleteFolder


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be made; with a `parent`, only while that commit is the head."""

    author: str
    title: str
    operations: tuple[Operation, ...]
    message: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which repositories to list, in which order, and from where on.

    `search` is a part of the id, `words` are looked for in the id and the tags. `after` is a
    RepoPage's `next`, `offset` how many repositories behind it to pass over. Without `cards`, the
    repositories come with an empty one, and sooner. Either models or `spaces` are listed.
    """

    namespace: str | None = None
    search: str | None = None
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    sort: SortKey = "createdAt"
    limit: int = 1000
    offset: int = 0
    after: str | None = None
    cards: bool = True
    spaces: bool = False


@dataclass(frozen=True, slots=True)
class RepoPage:
    """Some of the repositories that a query asks for; `next` is None on the last page."""

    repos: tuple[Repo, ...]
    next: str | None
