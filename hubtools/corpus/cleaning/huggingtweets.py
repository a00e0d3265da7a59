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
    """The predecessor's rules, kept so that counts can be compared with its cards.

    Known weaknesses are part of them: line breaks become spaces, and words are what stands between
    spaces, so posts in scripts without spaces are dropped.
    """

    name: str = "huggingtweets"

    def decide(self, timeline: AccountPosts) -> Iterator[Decision]:
        """Each post by itself."""
        return map(self._decision, timeline.posts)

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

    def _decision(self, post: Post) -> Decision:
        if post.repost:
            return Decision(post, "", REPOST)
        text = self.clean(post.text)
        changes = ("links, escapes and line breaks",) if text != post.text else ()
        return Decision(post, text, self.reason_to_drop(text), changes)
