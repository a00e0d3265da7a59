"""Our rules: remove what is not the person's own, keep what makes their voice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from hubtools.corpus.cleaning.characters import (
    repair,
    undo_entities,
    with_plain_line_ends,
    without_invisible,
)
from hubtools.corpus.cleaning.links import without_links
from hubtools.corpus.cleaning.others import (
    without_addressees,
    without_likely_addressees,
    without_quoted_posts,
    without_several_addressees,
)
from hubtools.corpus.cleaning.rules import REPOST, Decision
from hubtools.corpus.cleaning.threads import Replies, find_replies, join, threads
from hubtools.corpus.cleaning.words import normalize, too_little
from hubtools.posts.post import AccountPosts, Post

JOINED = "joined to the post it continues"
CUT = "cut off at the end"
DUPLICATE = "a duplicate"
LINKS = "a link"
QUOTED = "words of others"
THREAD = "a thread"

_CUT_LENGTHS = (range(135, 146), range(270, 286))
"""Lengths in characters to which X truncated texts."""
_CUT_WITH_LINK = 100
"""Characters from which a text that ends in `…` and had a link counts as truncated."""


@dataclass(frozen=True, slots=True)
class TextRule:
    name: str
    """What it removes or repairs, as a short phrase."""
    apply: Callable[[str], str]


def tidy(text: str) -> str:
    """`text` with single spaces, and at most one empty line in a row."""
    if "\n" not in text:
        return " ".join(text.split())
    lines = "\n".join(" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


_FIRST = (
    TextRule("wrong characters", repair),
    TextRule("escapes", undo_entities),
    TextRule("spaces", with_plain_line_ends),
    TextRule("invisible characters", without_invisible),
    TextRule(QUOTED, without_quoted_posts),
)
_LAST = (TextRule(LINKS, without_links), TextRule("spaces", tidy))
_HANDLES = "handles at the start"
_POST = (*_FIRST, TextRule(_HANDLES, without_several_addressees), *_LAST)
_REPLY = (*_FIRST, TextRule(_HANDLES, without_addressees), *_LAST)
_EITHER = (*_FIRST, TextRule(_HANDLES, without_likely_addressees), *_LAST)


@dataclass(frozen=True, slots=True)
class VoiceCleaning:
    """Our rules; docs/explanation/cleaning.md explains each."""

    name: str = "voice"

    def clean(self, text: str) -> str:
        """The text of a post without further information."""
        return _applied(_EITHER, text)[0]

    def decide(self, posts: AccountPosts) -> Iterator[Decision]:
        """Each post; a thread is one text in the place of its first part."""
        replies = find_replies(posts.posts)
        parts = dict(_parts(posts, replies))
        seen: set[bytes] = set()
        for place, post in enumerate(posts.posts):
            if post.repost:
                yield Decision(post, "", REPOST)
                continue
            decision = parts.pop(place, None) or _decision(post, replies)
            if decision.reason is None:
                key = blake2b(normalize(decision.text).encode(), digest_size=12).digest()
                if key in seen:
                    decision = replace(decision, reason=DUPLICATE)
                seen.add(key)
            yield decision


def _parts(posts: AccountPosts, replies: Replies) -> Iterator[tuple[int, Decision]]:
    """The cleaned parts of threads, by their places.

    The first part with words gets the whole text; the others are dropped as joined.
    """
    for thread in threads(posts.posts, replies):
        cleaned = [(part.place, _decision(part.post, replies)) for part in thread]
        parts = [(p, part) for p, part in cleaned if part.text and part.reason not in (CUT, REPOST)]
        if len(parts) < 2:
            continue
        text = join([part.text for _, part in parts])
        changes = dict.fromkeys(name for _, part in parts for name in part.changes)
        (place, first), *others = parts
        yield place, Decision(first.post, text, too_little(text), (*changes, THREAD))
        for place, part in others:
            yield place, replace(part, reason=JOINED)


def _decision(post: Post, replies: Replies) -> Decision:
    rules = _EITHER
    if replies.any:
        rules = _POST if post.reply_to is None else _REPLY
    text, changes = _applied(rules, post.text)
    return Decision(post, text, _reason(post, text, changes), changes)


def _applied(rules: Sequence[TextRule], text: str) -> tuple[str, tuple[str, ...]]:
    """`text` after the rules, applied until none changes it; each makes it shorter."""
    changes: dict[str, None] = {}
    before = None
    while text != before:
        before = text
        for rule in rules:
            new = rule.apply(text)
            if new != text:
                changes[rule.name] = None
                text = new
    return text, tuple(changes)


def _reason(post: Post, text: str, changes: Sequence[str]) -> str | None:
    if post.truncated or _is_cut(post, text, changes):
        return CUT
    if QUOTED in changes and not any(map(str.isalpha, text)):
        return REPOST
    return too_little(text)


def _is_cut(post: Post, text: str, changes: Sequence[str]) -> bool:
    """Whether X truncated this text: it ends in `…` at the length limit."""
    if not text.endswith("…") or text[-2:-1].isspace():
        return False
    if LINKS in changes:
        return len(text) >= _CUT_WITH_LINK
    return any(len(post.text) in lengths for lengths in _CUT_LENGTHS)
