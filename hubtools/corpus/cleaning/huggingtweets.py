"""The predecessor's rules, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hubtools.corpus.cleaning.rules import REPOST, Decision
from hubtools.posts.post import AccountPosts, Post

_X_ESCAPES = (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_LINKS = tuple(
    re.compile(form.replace("W", start))
    for start in ("http:", "https:")
    for form in (r" W\S+", r"W\S+ ", r"\nW\S+ ", r"\nW\S+", r"W\S+")
)
_NOT_OWN = ("http", "@", "#")
_OWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class HuggingtweetsCleaning:
    """The predecessor's rules, so that counts can be compared with its cards.

    Their weaknesses are included: line breaks become spaces, and words are separated by spaces, so
    posts in scripts without spaces are dropped.
    """

    name: str = "huggingtweets"

    def decide(self, posts: AccountPosts) -> Iterator[Decision]:
        return map(self._decision, posts.posts)

    def clean(self, text: str) -> str:
        """Unescape `&amp;`, `&lt;`, `&gt;` in this order, remove links, and join the lines.

        First for "http:", then for "https:", links are removed in this order: with a space before
        them, with a space after them, on their own line with and without a space after them, and
        all others.
        """
        for escape, character in _X_ESCAPES:
            text = text.replace(escape, character)
        for link in _LINKS:
            text = link.sub("", text)
        return " ".join(re.sub(" +", " ", text).split())

    def reason_to_drop(self, text: str) -> str | None:
        """Fewer than three words without "http", "@" and "#"."""
        words = text.lower().split()
        if not words:
            return "nothing left"
        own = sum(all(mark not in word for mark in _NOT_OWN) for word in words)
        return "fewer than three words of its own" if own < _OWN_WORDS else None

    def _decision(self, post: Post) -> Decision:
        if post.repost:
            return Decision(post, "", REPOST)
        text = self.clean(post.text)
        changes = ("links, escapes and line breaks",) if text != post.text else ()
        return Decision(post, text, self.reason_to_drop(text), changes)
