"""From an account's timeline to what training sees: cleaned posts, and why others were dropped."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubtools.cards.model import PostCounts
from hubtools.errors import PolicyError
from hubtools.posts.model import Account, Timeline
from hubtools.training.redact import redact

SEPARATOR = "<|endoftext|>"
NEEDED = 6_000
"""Characters of joined posts without which there is no model: the predecessor's threshold."""
ADVISED = 40_000
"""Characters below which a model mostly repeats: the predecessor's second threshold."""

_X_ESCAPES = (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_LINKS = tuple(
    re.compile(form.replace("W", start))
    for start in ("http:", "https:")
    for form in (r" W\S+", r"W\S+ ", r"\nW\S+ ", r"\nW\S+", r"W\S+")
)
_NOT_OWN = ("http", "@", "#")
_OWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class KeptPost:
    """A post as training sees it."""

    text: str
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """What training sees of one account, and the counts that its card shows."""

    account: Account
    counts: PostCounts
    kept: tuple[KeptPost, ...]
    dropped: Mapping[str, int]
    """Why posts were dropped, and how many; together they are `counts.short`."""
    redacted: int
    """How many e-mail addresses and phone numbers were replaced in the kept posts."""
    characters: int
    """Of the kept posts' texts."""
    source: str
    digest: str
    notes: tuple[str, ...]
    language: str | None = None
    """That of nearly all kept posts, where the source says it of each."""

    @property
    def joined(self) -> int:
        """Characters of the kept posts joined by `<|endoftext|>`, by which thresholds count."""
        return self.characters + len(SEPARATOR) * max(len(self.kept) - 1, 0)


class Cleaning(Protocol):
    """Rules that turn a post into what is trained on, or drop it."""

    @property
    def name(self) -> str:
        """What a record of the run calls these rules."""

    def clean(self, text: str) -> str:
        """The text that is trained on."""

    def reason_to_drop(self, text: str) -> str | None:
        """Why a cleaned text is left out, as a short phrase; None when it is kept."""


@dataclass(frozen=True, slots=True)
class HuggingtweetsCleaning:
    """The predecessor's rules, kept so that counts can be compared with its cards.

    Known weaknesses are part of them: line breaks become spaces, and words are what stands between
    spaces, so posts in scripts without spaces are dropped.
    """

    name: str = "huggingtweets"

    def clean(self, text: str) -> str:
        """Undo `&amp;`, `&lt;`, `&gt;` in this order, remove links, make one line of it.

        For "http:", then "https:", these go in this order: a link with the space before it, one
        with the space after it, one on a line of its own with and without a space after it, and
        any other.
        """
        for escape, character in _X_ESCAPES:
            text = text.replace(escape, character)
        for link in _LINKS:
            text = link.sub("", text)
        return " ".join(re.sub(" +", " ", text).split())

    def reason_to_drop(self, text: str) -> str | None:
        """A word is the author's own when it has no "http", "@" or "#"; three are needed."""
        words = text.lower().split()
        if not words:
            return "nothing left"
        own = sum(all(mark not in word for mark in _NOT_OWN) for word in words)
        return "fewer than three words of its own" if own < _OWN_WORDS else None


def build_corpus(timeline: Timeline, cleaning: Cleaning | None = None) -> Corpus:
    """The posts to train on. Reposts are left out first, then what `cleaning` drops.

    E-mail addresses and phone numbers are replaced last, so they change no count.
    """
    rules = cleaning or HuggingtweetsCleaning()
    reposts, redacted = 0, 0
    dropped: Counter[str] = Counter()
    kept: list[KeptPost] = []
    languages: Counter[str | None] = Counter()
    for post in timeline.posts:
        if post.repost:
            reposts += 1
            continue
        text = rules.clean(post.text)
        if reason := rules.reason_to_drop(text):
            dropped[reason] += 1
            continue
        text, found = redact(text)
        redacted += found
        kept.append(KeptPost(text, post.created))
        languages[post.language] += 1
    short = dropped.total()
    counts = PostCounts(
        downloaded=reposts + short + len(kept), reposts=reposts, short=short, kept=len(kept)
    )
    return Corpus(
        account=timeline.account,
        counts=counts,
        kept=tuple(kept),
        dropped=dict(sorted(dropped.items())),
        redacted=redacted,
        characters=sum(len(post.text) for post in kept),
        source=timeline.source,
        digest=timeline.digest,
        notes=timeline.notes,
        language=_language(languages),
    )


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


def split_held_out(
    kept: Sequence[KeptPost], share: float = 0.1
) -> tuple[tuple[KeptPost, ...], tuple[KeptPost, ...]]:
    """(train, held out): the newest `share` of the posts is held out, rounded down, at least one.

    When a date is missing, the order is that of the SHA-256 of the texts instead. A held-out text
    that also stands in train (case and spaces aside) is left out of both; when that leaves none,
    more posts are held out until one is left. Train keeps the order of `kept`.
    Raises PolicyError when there are not two different texts.
    """
    newest_first = _newest_first(kept)
    keys = [_key(kept[index].text) for index in newest_first]
    last = {key: place for place, key in enumerate(keys)}
    if len(last) < 2:
        raise PolicyError(
            "the posts kept have fewer than two different texts, so none can be held out",
            fix="Choose a source with more posts",
        )
    # A text survives in held_out only when its last occurrence is held out as well.
    held = max(int(len(kept) * share), 1 + min(last.values()))
    trained = set(keys[held:])
    train = tuple(kept[index] for index in sorted(newest_first[held:]))
    held_out = tuple(
        kept[index]
        for index, key in zip(newest_first[:held], keys, strict=False)
        if key not in trained
    )
    return train, held_out


def _newest_first(kept: Sequence[KeptPost]) -> list[int]:
    """Places in `kept`, the newest post's first; without all dates, by the hash of the text."""
    hashes = [hashlib.sha256(post.text.encode()).hexdigest() for post in kept]
    times = [post.created.timestamp() for post in kept if post.created is not None]
    if len(times) < len(kept):
        times = [0.0] * len(kept)
    return sorted(range(len(kept)), key=lambda index: (times[index], hashes[index]), reverse=True)


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
