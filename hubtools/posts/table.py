"""From a source's records to the timeline of one account, in flat memory.

Every source is gone through twice: once when it is opened, which finds whatever is wrong with it,
whose posts they are and which of them count, and once for each time that the posts are asked for.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from hubtools.core.errors import SourceError
from hubtools.posts.container import Container
from hubtools.posts.handles import checked_handle
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts, Network, Post

_NAMED = 8


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a record, as far as it says so."""

    key: str
    """What tells authors apart: a handle in lower case, an id, a did."""
    handle: str | None = None
    field: str = ""
    """Where the handle stands."""
    name: str | None = None
    avatar_url: str | None = None

    @property
    def called(self) -> str:
        """How a person would name this author."""
        return self.handle or self.key


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a source."""

    post: Post
    author: Author | None
    network: Network
    where: str
    """File and line."""
    name: str | None = None
    """What stands as the account's name without saying that it is the author's."""
    public: bool = True
    """False when the source says that not everybody may see it."""
    versions: tuple[str, ...] = ()
    """The ids of a post that was edited, oldest first."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be read, and how: `rows` starts from the beginning each time it is called."""

    name: str
    """What the person named."""
    container: Container
    digest: str
    rows: Callable[[], Iterable[Row]]
    notes: tuple[str, ...] = ()
    account: Account | None = None
    """Whose posts they are, when that does not stand in the records."""
    promised: int | None = None
    """How many posts the source says that it holds."""


@dataclass(frozen=True, slots=True)
class OwnPosts:
    """The posts of one author in a source, read anew each time they are gone through."""

    source: Source = field(repr=False)
    author: str | None
    superseded: frozenset[str]

    def __iter__(self) -> Iterator[Post]:
        try:
            for row in self.source.rows():
                if _is_own(row, self.author) and row.post.id not in self.superseded:
                    yield row.post
        finally:
            self.source.container.close()


def timeline(source: Source, options: ReadOptions) -> AccountPosts:
    """The posts of the one author in a source, or of the one that `options` names.

    The digest of one author's posts among others' is that of the source's and the author's name,
    so that two authors of one file are not taken for the same posts.

    Raises SourceError for several authors of whom none is named, for one that is not there, for
    posts that are all not public, and for a handle that can be none.
    """
    seen = _Seen()
    for row in source.rows():
        seen.add(row)
    author = seen.choose(source, options.account)
    superseded = seen.superseded()
    notes = list(source.notes)
    if superseded:
        notes.append(f"{len(superseded):,} earlier versions of edited posts were left out.")
    if seen.hidden:
        notes.append(f"{seen.hidden:,} posts that not everybody may see were left out.")
    digest = source.digest
    if author is not None and (others := seen.others(author)):
        digest = hashlib.sha256(f"{digest} {author.key}".encode()).hexdigest()
        notes.append(f"{others:,} posts of other authors were left out.")
    if source.promised not in (None, seen.count):
        notes.append(
            f"The archive's manifest counts {source.promised:,} posts; "
            f"its files hold {seen.count:,}."
        )
    if seen.hidden == seen.count > 0:
        raise SourceError(
            f"holds {seen.count:,} posts, and none of them is public",
            where=source.name,
            fix="Choose a source with public posts",
        )
    return AccountPosts(
        source=source.name,
        digest=digest,
        account=source.account or seen.account(author),
        posts=OwnPosts(source, (author.key or None) if author else None, superseded),
        notes=tuple(notes),
    )


def _is_own(row: Row, author: str | None) -> bool:
    return row.public and (row.author is None or author is None or row.author.key == author)


class _Seen:
    """What one pass over all rows finds."""

    def __init__(self) -> None:
        self.count = self.hidden = 0
        self._authors: Counter[str] = Counter()
        self._first: dict[str, tuple[Author, str]] = {}
        self._name: str | None = None
        self._only: Network | None = None
        self._ids = array("Q")
        self._histories: list[tuple[str, ...]] = []

    def add(self, row: Row) -> None:
        self.count += 1
        self.hidden += not row.public
        self._only = row.network if self._only in (None, row.network) else "file"
        self._name = self._name or row.name
        if row.author is not None:
            self._authors[row.author.key] += 1
            known = self._first.setdefault(row.author.key, (row.author, row.where))[0]
            if row.author.name and not known.name:
                self._first[known.key] = (
                    replace(known, name=row.author.name),
                    self._first[known.key][1],
                )
        if row.post.id.isascii() and row.post.id.isdecimal() and len(row.post.id) < 20:
            self._ids.append(min(int(row.post.id), (1 << 64) - 1))
        if len(row.versions) > 1:
            self._histories.append(row.versions)

    def choose(self, source: Source, wanted: str | None) -> Author | None:
        """The only author, or the one that is wanted; None when the source names none."""
        if wanted is not None:
            return self._named(source, wanted.removeprefix("@").casefold())
        if len(self._authors) < 2:
            return next((author for author, _ in self._first.values()), None)
        (_, _), (_, second) = list(self._first.values())[:2]
        raise SourceError(
            f"has posts of {len(self._authors):,} authors: {self._listed()}",
            where=second,
            fix=f"Say which one: {source.name}#{self._most().called}",
        )

    def _named(self, source: Source, wanted: str) -> Author:
        for author, _ in self._first.values():
            if wanted in (author.key.casefold(), (author.handle or "").casefold()):
                return author
        account = source.account
        if account is not None and account.handle and account.handle.casefold() == wanted:
            return Author("", account.handle)
        has = f"it has {self._listed()}" if self._first else "it does not say whose posts it has"
        raise SourceError(
            f"has no posts of {wanted!r:.80}: {has}", where=source.name, fix="Correct the handle"
        )

    def _most(self) -> Author:
        return self._first[self._authors.most_common(1)[0][0]][0]

    def _listed(self) -> str:
        common = self._authors.most_common(_NAMED)
        named = ", ".join(f"{self._first[key][0].called!r:.60} ({n:,})" for key, n in common)
        return named + (", …" if len(self._authors) > _NAMED else "")

    def others(self, author: Author | None) -> int:
        """How many posts are of somebody else."""
        return self._authors.total() - self._authors[author.key] if author and author.key else 0

    def account(self, author: Author | None) -> Account:
        network: Network = self._only or "file"
        if author is None:
            return Account(network, name=self._name)
        handle = author.handle
        if handle is not None:
            handle = checked_handle(handle, network, self._first[author.key][1], author.field)
        return Account(network, handle, author.name or self._name, author.avatar_url)

    def superseded(self) -> frozenset[str]:
        """The versions after which a later one is there."""
        wanted = {version for history in self._histories for version in history}
        present = wanted.intersection(map(str, self._ids)) if wanted else frozenset[str]()
        return frozenset(
            version
            for history in self._histories
            for version in [one for one in history if one in present][:-1]
        )
