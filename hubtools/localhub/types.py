"""Plain values: what the store holds, and the requests that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from hubtools.localhub.objects import Staged

SortKey = Literal["createdAt", "lastModified", "name"]
SPACES = "spaces/"
"""The prefix of a Space's namespace here, as in its address; no model's namespace has it."""


@dataclass(frozen=True, slots=True)
class RepoId:
    """A repository's full name; case is kept, but two names do not differ by it alone.

    A Space has `spaces/` before its owner, as in its address.
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
    """A README's front matter, as far as it can be read."""

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
    """A commit of a repository; `seq` counts from 1."""

    seq: int
    oid: str
    parent: str | None
    time: str
    author: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit did to a file; `entry` is None where it deleted it."""

    path: str
    kind: Literal["added", "changed", "deleted"]
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree; `pointer_size` is the length of an LFS pointer, None for regular files.

    `oid` is the git blob's (for LFS, the pointer's), `sha256` and `size` are the content's,
    `added` is the seq of the commit that last changed it.
    """

    path: str
    oid: str
    sha256: str
    size: int
    pointer_size: int | None
    added: int

    @property
    def is_lfs(self) -> bool:
        return self.pointer_size is not None

    @property
    def etag(self) -> str:
        """The oid that the Hub names the content by: the blob's, for LFS the SHA-256."""
        return self.sha256 if self.is_lfs else self.oid


@dataclass(frozen=True, slots=True)
class AddFile:
    """Add or replace a regular file; its staged content is kept or dropped with the commit."""

    path: str
    content: Staged


@dataclass(frozen=True, slots=True)
class AddLfsFile:
    """Add or replace an LFS file whose content was uploaded before; `size` in bytes, if known."""

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
    """A commit to make; with a `parent`, only while that commit is the head."""

    author: str
    title: str
    operations: tuple[Operation, ...]
    message: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which repositories to list, in which order, and from where on.

    `search` is a part of the id; each of the `words` must be in the id or the tags. `after` is a
    page's `next`, and `offset` skips that many repositories after it. Without `cards`, listing is
    faster and the cards are empty. Either models or `spaces` are listed.
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
    """Some of the repositories of a query; `next` is None on the last page."""

    repos: tuple[Repo, ...]
    next: str | None
