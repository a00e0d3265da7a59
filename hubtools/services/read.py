"""Reading posts: from sources to what training would see of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.corpus.cleaning import find_cleaning
from hubtools.corpus.corpus import Corpus, build_corpus
from hubtools.posts.deny_list import refuse_denied, refuse_denied_sources
from hubtools.posts.live.settings import LiveReading
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.registry import is_live, read_source, source_registry

PostSource = str | PathLike[str] | AccountPosts
"""A path, an address such as `mastodon:user@host`, or posts that were read already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Which sources to read, and how to clean their posts."""

    project: Project
    sources: Sequence[PostSource]
    options: ReadOptions = field(default_factory=ReadOptions)
    cleaning: str = "voice"
    language: str | None = None
    """Posts in other languages are left out; None takes all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """What training would see."""

    corpora: tuple[Corpus, ...]
    """One for each source, in the order of the request."""


def read(request: ReadRequest, reporter: Reporter, cancel: CancelToken) -> ReadResult:
    """Read each source, refuse denied accounts, and clean the posts.

    Raises SourceError for a source that cannot be read, PolicyError for an account that is on the
    deny list or has opted out, UsageError for an unknown cleaning, the same posts twice and a
    language that a source does not provide, HubUnavailableError, CancelledError.
    """
    cleaning = find_cleaning(request.cleaning, request.language)
    sources = [one if isinstance(one, AccountPosts) else fspath(one) for one in request.sources]
    named = [one for one in sources if isinstance(one, str)]
    for broken in source_registry().broken if named else ():
        reporter.note(str(broken))
    refuse_denied_sources(named, request.project)
    corpora: list[Corpus] = []
    for source in sources:
        cancel.raise_if_cancelled()
        corpus = build_corpus(_posts(source, request, reporter, cancel), cleaning)
        if any(corpus.digest == other.digest for other in corpora):
            raise UsageError(
                "has the same posts as another source",
                where=corpus.source,
                fix="Pass each source once",
            )
        corpora.append(corpus)
        _note(corpus, reporter)
    return ReadResult(corpora=tuple(corpora))


def _note(corpus: Corpus, reporter: Reporter) -> None:
    counts = corpus.counts
    reporter.note(
        f"Read {corpus.source}: {counts.downloaded:,} posts, {counts.reposts:,} reposts, "
        f"{counts.dropped:,} dropped, {counts.kept:,} kept"
    )
    for note in corpus.notes:
        reporter.note(f"  {note}")


def _posts(
    source: str | AccountPosts, request: ReadRequest, reporter: Reporter, cancel: CancelToken
) -> AccountPosts:
    """The posts of a source whose account is not on the deny list."""

    def allow(account: Account) -> None:
        refuse_denied([account], request.project)

    if isinstance(source, str):
        if is_live(source) and request.options.unlisted:
            raise UsageError(
                "--unlisted applies to exports, not to live accounts",
                where=source,
                fix="Leave it out",
            )
        live = LiveReading(reporter=reporter, cancel=cancel, allow=allow)
        source = read_source(source, options=request.options, live=live)
    allow(source.account)
    return source
