"""Reading posts: sources in, and what training would see of each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubtools.core.config import Project
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.posts.deny_list import refuse_denied, refuse_denied_sources
from hubtools.posts.live.address import is_live
from hubtools.posts.live.read import read_live
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.registry import read_source

if TYPE_CHECKING:
    from hubtools.corpus.cleaning import Cleaning
    from hubtools.corpus.corpus import Corpus


def read_corpora(
    sources: Sequence[str],
    reading: ReadOptions,
    cleaning: Cleaning,
    project: Project,
    report: Reporter,
) -> tuple[Corpus, ...]:
    """What training would see of each source by the rules of `cleaning`, in their order.

    Raises SourceError for one that cannot be read, PolicyError for an account on the deny list,
    UsageError for the same posts twice and for a language that a source does not say.
    """
    from hubtools.corpus.corpus import build_corpus

    refuse_denied_sources(sources, project)
    corpora: list[Corpus] = []
    for source in sources:
        timeline = _read(source, reading, project, report)
        corpus = build_corpus(timeline, cleaning)
        if any(corpus.digest == other.digest for other in corpora):
            raise UsageError("holds the same posts as another source", where=source)
        corpora.append(corpus)
        counts = corpus.counts
        report.note(
            f"Read {source}: {counts.downloaded} posts, {counts.reposts} reposts, "
            f"{counts.dropped} short, {counts.kept} kept"
        )
        for note in corpus.notes:
            report.note(f"  {note}")
    return tuple(corpora)


def _read(source: str, reading: ReadOptions, project: Project, report: Reporter) -> AccountPosts:
    """The posts of a source whose account is not on the deny list."""

    def allow(account: Account) -> None:
        refuse_denied([account], project)

    if is_live(source):
        if reading.unlisted:
            raise UsageError("--unlisted is for exports, not for addresses", where=source)
        return read_live(source, report=report, allow=allow)
    timeline = read_source(source, options=reading)
    allow(timeline.account)
    return timeline
