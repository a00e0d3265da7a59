"""From an account's timeline to what training sees: cleaned posts, and why others were dropped."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hubtools.core.errors import PolicyError
from hubtools.core.results import PostCounts
from hubtools.corpus.cleaning import REPOST, Cleaning, Decision, VoiceCleaning
from hubtools.corpus.redact import redact
from hubtools.posts.post import Account, AccountPosts

SEPARATOR = "<|endoftext|>"
NEEDED = 6_000
"""Characters of joined posts without which there is no model: the predecessor's threshold."""
ADVISED = 40_000
"""Characters below which a model mostly repeats: the predecessor's second threshold."""

_EXAMPLES = 3
"""Kept of each reason and of each change."""


@dataclass(frozen=True, slots=True)
class KeptPost:
    """A post as training sees it."""

    text: str
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Example:
    """What cleaning made of one post."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What training sees of one account, and the counts that its card shows."""

    account: Account
    counts: PostCounts
    kept: tuple[KeptPost, ...]
    dropped: Mapping[str, int]
    """Why posts were dropped, and how many; together they are `counts.dropped`."""
    redacted: int
    """How many addresses, phone numbers and the like were replaced in the kept posts."""
    characters: int
    """Of the kept posts' texts."""
    source: str
    digest: str
    notes: tuple[str, ...]
    language: str | None = None
    """That of nearly all kept posts, where the source says it of each."""
    changed: Mapping[str, int] = field(default_factory=dict)
    """What cleaning changed in the kept posts, and in how many."""
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict, repr=False)
    """A few posts of each reason in `dropped` and of each change in `changed`."""

    @property
    def joined(self) -> int:
        """Characters of the kept posts joined by `<|endoftext|>`, by which thresholds count."""
        return self.characters + len(SEPARATOR) * max(len(self.kept) - 1, 0)


def build_corpus(timeline: AccountPosts, cleaning: Cleaning | None = None) -> Corpus:
    """The posts to train on, as `cleaning` decides of each; without one, as our own rules do.

    What identifies people is replaced last, so it changes no count.
    """
    tally = _Tally()
    for decision in (cleaning or VoiceCleaning()).decide(timeline):
        tally.add(decision)
    dropped = tally.dropped.total()
    counts = PostCounts(
        downloaded=tally.reposts + dropped + len(tally.kept),
        reposts=tally.reposts,
        dropped=dropped,
        kept=len(tally.kept),
    )
    return Corpus(
        account=timeline.account,
        counts=counts,
        kept=tuple(tally.kept),
        dropped=dict(sorted(tally.dropped.items())),
        redacted=tally.redacted,
        characters=sum(len(post.text) for post in tally.kept),
        source=timeline.source,
        digest=timeline.digest,
        notes=timeline.notes,
        language=_language(tally.languages),
        changed=dict(sorted(tally.changed.items())),
        examples={name: tuple(found) for name, found in sorted(tally.examples.items())},
    )


class _Tally:
    """What was decided so far."""

    def __init__(self) -> None:
        self.reposts = 0
        self.redacted = 0
        self.kept: list[KeptPost] = []
        self.dropped: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.languages: Counter[str | None] = Counter()
        self.examples: dict[str, list[Example]] = {}

    def add(self, decision: Decision) -> None:
        """Count one post."""
        if decision.reason == REPOST:
            self.reposts += 1
        elif decision.reason is not None:
            self.dropped[decision.reason] += 1
            self._show(decision.reason, decision)
        else:
            text, found = redact(decision.text)
            self.redacted += found
            self.kept.append(KeptPost(text, decision.post.created))
            self.languages[decision.post.language] += 1
            self.changed.update(decision.changes)
            for change in decision.changes:
                self._show(change, decision)

    def _show(self, name: str, decision: Decision) -> None:
        """Remember the post as an example, unless it tells what is never printed."""
        examples = self.examples.setdefault(name, [])
        if len(examples) < _EXAMPLES and not (
            redact(decision.post.text)[1] or redact(decision.text)[1]
        ):
            examples.append(Example(decision.post.text, decision.text))


def _language(said: Counter[str | None]) -> str | None:
    """The language of nine posts in ten, or None: a mixture, or a source that does not say."""
    (language, count), *_ = said.most_common(1) or [(None, 0)]
    return language if count >= 0.9 * said.total() else None


def check_enough(corpora: Iterable[Corpus]) -> tuple[str, ...]:
    """A warning for each account with so few posts that its model will mostly repeat them.

    Raises PolicyError for the first one that has too few for any model.
    """
    warnings = []
    for corpus in corpora:
        if corpus.joined < NEEDED:
            raise PolicyError(
                f"too few posts: {_amount(corpus)}, and {NEEDED:,} are needed",
                where=corpus.source,
                fix=_more(corpus),
            )
        if corpus.joined < ADVISED:
            warnings.append(
                f"{corpus.source}: few posts: {_amount(corpus)}; under {ADVISED:,} a model "
                "mostly repeats what it was shown."
            )
    return tuple(warnings)


def _amount(corpus: Corpus) -> str:
    counts = corpus.counts
    return (
        f"{counts.kept:,} of {counts.downloaded:,} were kept and have {corpus.joined:,} characters"
    )


def _more(corpus: Corpus) -> str:
    """How many more posts of this person's average length are needed."""
    if not corpus.kept:
        return "Choose a source with more posts of the person's own words"
    average = corpus.characters / len(corpus.kept) + len(SEPARATOR)
    more = math.ceil((NEEDED - corpus.joined) / average)
    return f"About {more:,} more like these would do"
