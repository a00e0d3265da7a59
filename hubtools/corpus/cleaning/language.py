"""Posts in one language only, where the source says the language of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hubtools.core.errors import UsageError
from hubtools.corpus.cleaning.rules import Cleaning, Decision
from hubtools.posts.post import AccountPosts, Post

OTHER = "in another language"
UNKNOWN = "in no language that the source names"


@dataclass(frozen=True, slots=True)
class InLanguage:
    """Rules for the posts in one language; the others are dropped before."""

    language: str
    """A code of ISO 639, in small letters."""
    rules: Cleaning

    @property
    def name(self) -> str:
        """The rules' name and the language."""
        return f"{self.rules.name}, {self.language}"

    def decide(self, timeline: AccountPosts) -> Iterator[Decision]:
        """Those in other languages first, then what the rules say of the rest.

        Raises UsageError when the source does not say any post's language.
        """
        if not any(post.language for post in timeline.posts):
            raise UsageError(
                "does not say the language of its posts", where=timeline.source,
                fix="Leave out --lang",
            )  # fmt: skip
        for post in timeline.posts:
            if not _is_in(post, self.language):
                yield Decision(post, post.text, OTHER if post.language else UNKNOWN)
        yield from self.rules.decide(replace(timeline, posts=_In(timeline.posts, self.language)))


@dataclass(frozen=True, slots=True)
class _In:
    """The reposts and the posts in one language, each time they are gone through."""

    posts: Iterable[Post]
    language: str

    def __iter__(self) -> Iterator[Post]:
        return (post for post in self.posts if _is_in(post, self.language))


def _is_in(post: Post, language: str) -> bool:
    return post.repost or (post.language or "").lower().partition("-")[0] == language


def language_of(code: str) -> str:
    """`code` as posts carry it: `EN-gb` is `en`. Raises UsageError for what is no code."""
    language = re.split("[-_]", code.strip().lower())[0]
    if re.fullmatch("[a-z]{2,3}", language) is None:
        raise UsageError(f"{code!r} is no code of a language", fix="Say it as in --lang en")
    return language
