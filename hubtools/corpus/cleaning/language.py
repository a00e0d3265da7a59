"""Posts in one language only, if the source provides the language of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hubtools.core.errors import UsageError
from hubtools.corpus.cleaning.rules import Cleaning, Decision
from hubtools.posts.post import AccountPosts, Post

OTHER = "in another language"
UNKNOWN = "in an unknown language"


@dataclass(frozen=True, slots=True)
class InLanguage:
    """Rules for the posts in one language; the others are dropped first."""

    language: str
    rules: Cleaning

    @property
    def name(self) -> str:
        return f"{self.rules.name}, {self.language}"

    def decide(self, posts: AccountPosts) -> Iterator[Decision]:
        """Posts in other languages first, then the rules' decisions on the rest.

        Raises UsageError if the source does not provide any post's language.
        """
        if not any(post.language for post in posts.posts):
            raise UsageError(
                "does not say which language its posts are in",
                where=posts.source,
                fix="Leave out --lang",
            )
        for post in posts.posts:
            if not _is_in(post, self.language):
                yield Decision(post, post.text, OTHER if post.language else UNKNOWN)
        yield from self.rules.decide(replace(posts, posts=_PostsIn(posts.posts, self.language)))


@dataclass(frozen=True, slots=True)
class _PostsIn:
    posts: Iterable[Post]
    language: str

    def __iter__(self) -> Iterator[Post]:
        return (post for post in self.posts if _is_in(post, self.language))


def _is_in(post: Post, language: str) -> bool:
    return post.repost or (post.language or "").lower().partition("-")[0] == language


def language_of(code: str) -> str:
    """`code` as posts have it: `EN-gb` becomes `en`. Raises UsageError for an invalid code."""
    language = re.split("[-_]", code.strip().lower())[0]
    if re.fullmatch("[a-z]{2,3}", language) is None:
        raise UsageError(f"{code!r} is not a language code", fix="Use an ISO 639 code: --lang en")
    return language
