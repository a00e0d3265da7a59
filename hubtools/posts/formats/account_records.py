"""From the records of a source to the posts of one account, in flat memory.

Every source is read twice: once up front, which finds damage, the author, and which posts count;
and again each time the posts are iterated.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hubtools.core.errors import SourceError
from hubtools.posts.formats.characters import TextMember, text_member
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts, Network, Post

_AUTHORS_LISTED = 8


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a record, as far as it says."""

    key: str
    """What tells authors apart: a handle in lower case, an id, a DID."""
    handle: str | None = None
    field: str = ""
    """Where the record has the handle."""
    name: str | None = None
    avatar_url: str | None = None

    @property
    def label(self) -> str:
        return self.handle or self.key


@dataclass(frozen=True, slots=True)
class PostRecord:
    """One record of a source."""

    post: Post
    author: Author | None
    network: Network
    where: str
    name: str | None = None
    """An account name that the record does not attribute to the author."""
    public: bool = True
    """False when the source restricts who may see the post."""
    versions: tuple[str, ...] = ()
    """The ids of an edited post, oldest first."""


MemberRecords = Callable[[TextMember, ReadOptions], Iterator[PostRecord]]


@dataclass(frozen=True, slots=True)
class RecordSource:
    """What to read, and how; `records` starts over each time it is called."""

    name: str
    digest: str
    records: Callable[[], Iterable[PostRecord]]
    notes: tuple[str, ...] = ()
    account: Account | None = None
    """Whose posts they are, when the records themselves do not say."""
    expected: int | None = None
    """How many posts the source claims to hold."""
    close: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class OwnPosts:
    """The posts of one author in a source, read again on each iteration."""

    source: RecordSource = field(repr=False)
    author: str | None
    superseded: frozenset[str]

    def __iter__(self) -> Iterator[Post]:
        try:
            for record in self.source.records():
                if _is_own(record, self.author) and record.post.id not in self.superseded:
                    yield record.post
        finally:
            self.source.close()


def read_members(
    path: str,
    container: Container,
    names: Sequence[str],
    options: ReadOptions,
    records: MemberRecords,
    account: Account | None = None,
) -> AccountPosts:
    """The posts of one account in text members; the digest is over their bytes, in order.

    `records` yields the records of one member. Raises SourceError as `select_account` does.
    """
    digest = hashlib.sha256()
    members = [text_member(container, name, digest) for name in names]
    notes = tuple(note for member in members for note in member.notes)

    def all_records() -> Iterator[PostRecord]:
        for member in members:
            yield from records(member, options)

    source = RecordSource(
        path, digest.hexdigest(), all_records, notes, account, close=container.close
    )
    return select_account(source, options)


def file_reader(records: MemberRecords) -> Callable[[str, Container, ReadOptions], AccountPosts]:
    """The `read` of a source that is a single text file."""

    def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
        return read_members(path, container, container.names, options, records)

    return read


def select_account(source: RecordSource, options: ReadOptions) -> AccountPosts:
    """The posts of the only author in a source, or of the one that `options` names.

    When posts of other authors are left out, the digest covers the source's digest and the
    author's key, so that two authors of one file do not count as the same posts.

    Raises SourceError for several authors when none is named, for an author who is not there, for
    posts of which none is public, and for an invalid handle.
    """
    survey = _RecordSurvey()
    for record in source.records():
        survey.add(record)
    author = survey.choose(source, options.account)
    superseded = survey.superseded()
    notes = list(source.notes)
    if superseded:
        notes.append(f"Left out {len(superseded):,} earlier versions of edited posts.")
    if survey.hidden:
        notes.append(f"Left out {survey.hidden:,} posts that are not public.")
    digest = source.digest
    if author is not None and (others := survey.others(author)):
        digest = hashlib.sha256(f"{digest} {author.key}".encode()).hexdigest()
        notes.append(f"Left out {others:,} posts by other authors.")
    if source.expected not in (None, survey.count):
        notes.append(
            f"The archive's manifest lists {source.expected:,} posts; "
            f"its files hold {survey.count:,}."
        )
    if survey.hidden == survey.count > 0:
        raise SourceError(
            f"has {survey.count:,} posts, none of them public",
            where=source.name,
            fix="Choose a source with public posts",
        )
    return AccountPosts(
        source=source.name,
        digest=digest,
        account=source.account or survey.account(author),
        posts=OwnPosts(source, (author.key or None) if author else None, superseded),
        notes=tuple(notes),
    )


def _is_own(record: PostRecord, author: str | None) -> bool:
    return record.public and (
        record.author is None or author is None or record.author.key == author
    )


class _RecordSurvey:
    def __init__(self) -> None:
        self.count = self.hidden = 0
        self._authors: Counter[str] = Counter()
        self._first: dict[str, tuple[Author, str]] = {}
        self._name: str | None = None
        self._only: Network | None = None
        self._ids = array("Q")
        self._histories: list[tuple[str, ...]] = []

    def add(self, record: PostRecord) -> None:
        self.count += 1
        self.hidden += not record.public
        self._only = record.network if self._only in (None, record.network) else "file"
        self._name = self._name or record.name
        if (author := record.author) is not None:
            self._authors[author.key] += 1
            known, where = self._first.setdefault(author.key, (author, record.where))
            if author.name and not known.name:
                self._first[known.key] = replace(known, name=author.name), where
        if record.post.id.isascii() and record.post.id.isdecimal() and len(record.post.id) < 20:
            self._ids.append(min(int(record.post.id), (1 << 64) - 1))
        if len(record.versions) > 1:
            self._histories.append(record.versions)

    def choose(self, source: RecordSource, wanted: str | None) -> Author | None:
        """The only author, or the wanted one; None when the source names none."""
        if wanted is not None:
            return self._named(source, wanted.removeprefix("@").casefold())
        if len(self._authors) < 2:
            return next((author for author, _ in self._first.values()), None)
        (_, _), (_, second) = list(self._first.values())[:2]
        most_posts = self._first[self._authors.most_common(1)[0][0]][0]
        raise SourceError(
            f"has posts by {len(self._authors):,} authors: {self._listed()}",
            where=second,
            fix=f"Name one of them: {source.name}#{most_posts.label}",
        )

    def _named(self, source: RecordSource, wanted: str) -> Author:
        for author, _ in self._first.values():
            if wanted in (author.key.casefold(), (author.handle or "").casefold()):
                return author
        account = source.account
        if account is not None and account.handle and account.handle.casefold() == wanted:
            return Author("", account.handle)
        found = self._listed() if self._first else "records without an author"
        raise SourceError(
            f"has no posts by {wanted!r:.80}, only {found}",
            where=source.name,
            fix="Correct the handle after the #",
        )

    def _listed(self) -> str:
        common = self._authors.most_common(_AUTHORS_LISTED)
        named = ", ".join(f"{self._first[key][0].label!r:.60} ({n:,})" for key, n in common)
        return named + (", …" if len(self._authors) > _AUTHORS_LISTED else "")

    def others(self, author: Author | None) -> int:
        """How many posts are by somebody else."""
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
        """The versions that a later one in the source replaces."""
        wanted = {version for history in self._histories for version in history}
        present = wanted.intersection(map(str, self._ids)) if wanted else frozenset[str]()
        return frozenset(
            version
            for history in self._histories
            for version in [one for one in history if one in present][:-1]
        )
