"""From an account's posts to what training sees: cleaned texts, and why others were dropped."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
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
"""Characters of joined posts that a model needs: the predecessor's threshold."""
ADVISED = 40_000
"""Characters below which a model mostly repeats: the predecessor's second threshold."""

_EXAMPLES = 3


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
    reasons: Mapping[str, int]
    """How many posts were dropped for each reason; the sum is `counts.dropped`."""
    redacted: int
    """How many e-mail addresses, phone numbers and the like were replaced in the kept posts."""
    characters: int
    """In the kept posts' texts."""
    source: str
    digest: str
    notes: tuple[str, ...]
    language: str | None = None
    """The language of nearly all kept posts, if the source provides it."""
    changed: Mapping[str, int] = field(default_factory=dict)
    """How many kept posts cleaning changed in each way."""
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict, repr=False)
    """A few posts for each of `reasons` and `changed`."""

    @property
    def joined(self) -> int:
        """Characters of the kept posts joined by `<|endoftext|>`, which the thresholds count."""
        return self.characters + len(SEPARATOR) * max(len(self.kept) - 1, 0)


def build_corpus(posts: AccountPosts, cleaning: Cleaning | None = None) -> Corpus:
    """The posts to train on according to `cleaning`, by default `VoiceCleaning`.

    Personal data are redacted last, so redaction changes no count.
    """
    reposts = redacted = 0
    kept: list[KeptPost] = []
    reasons: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    languages: Counter[str | None] = Counter()
    examples: defaultdict[str, list[Example]] = defaultdict(list)
    for decision in (cleaning or VoiceCleaning()).decide(posts):
        if decision.reason == REPOST:
            reposts += 1
        elif decision.reason is not None:
            reasons[decision.reason] += 1
            _show(decision, examples[decision.reason])
        else:
            text, found = redact(decision.text)
            redacted += found
            kept.append(KeptPost(text, decision.post.created))
            languages[decision.post.language] += 1
            changed.update(decision.changes)
            for change in decision.changes:
                _show(decision, examples[change])
    dropped = reasons.total()
    downloaded = reposts + dropped + len(kept)
    return Corpus(
        account=posts.account,
        counts=PostCounts(downloaded=downloaded, reposts=reposts, dropped=dropped, kept=len(kept)),
        kept=tuple(kept),
        reasons=dict(sorted(reasons.items())),
        redacted=redacted,
        characters=sum(len(post.text) for post in kept),
        source=posts.source,
        digest=posts.digest,
        notes=posts.notes,
        language=_language(languages),
        changed=dict(sorted(changed.items())),
        examples={name: tuple(some) for name, some in sorted(examples.items())},
    )


def _show(decision: Decision, examples: list[Example]) -> None:
    """Save the post as an example, unless it has personal data."""
    if len(examples) < _EXAMPLES and not (
        redact(decision.post.text)[1] or redact(decision.text)[1]
    ):
        examples.append(Example(decision.post.text, decision.text))


def _language(languages: Counter[str | None]) -> str | None:
    """The language of nine posts in ten; None for a mixture or an unknown language."""
    (language, count), *_ = languages.most_common(1) or [(None, 0)]
    return language if count >= 0.9 * languages.total() else None


def check_enough(corpora: Iterable[Corpus]) -> tuple[str, ...]:
    """A warning for each account with so few posts that its model will mostly repeat them.

    Raises PolicyError for the first account with too few posts for any model.
    """
    warnings = []
    for corpus in corpora:
        if corpus.joined < NEEDED:
            raise PolicyError(
                f"has too few posts: {_amount(corpus)}; a model needs {NEEDED:,}",
                where=corpus.source,
                fix=_more(corpus),
            )
        if corpus.joined < ADVISED:
            warnings.append(
                f"{corpus.source} has few posts: {_amount(corpus)}. With fewer than {ADVISED:,}, a "
                "model mostly repeats its training posts."
            )
    return tuple(warnings)


def _amount(corpus: Corpus) -> str:
    counts = corpus.counts
    return f"{counts.kept:,} of {counts.downloaded:,} were kept, {corpus.joined:,} characters"


def _more(corpus: Corpus) -> str:
    if not corpus.kept:
        return "Choose a source with more of the person's own words"
    average = corpus.characters / len(corpus.kept) + len(SEPARATOR)
    more = math.ceil((NEEDED - corpus.joined) / average)
    return f"Add about {more:,} posts like these"
