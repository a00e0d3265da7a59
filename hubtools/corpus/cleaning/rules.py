"""The interface of cleaning rules, and their decision for each post."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hubtools.posts.post import AccountPosts, Post

REPOST = "a repost"
"""The reason for posts in someone else's words; a card counts them separately."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one post."""

    post: Post
    text: str
    """What is trained on, or what remained when the post was dropped."""
    reason: str | None = None
    """Why the post is left out, as a short phrase; None if it is kept."""
    changes: tuple[str, ...] = ()
    """Which rules changed the text, as short phrases."""


class Cleaning(Protocol):
    """Rules that turn an account's posts into what is trained on."""

    @property
    def name(self) -> str:
        """The rules' name in the record of a run."""

    def decide(self, posts: AccountPosts) -> Iterator[Decision]:
        """One decision for each post, so that counts add up; kept posts in the source's order.

        The posts may be iterated more than once.
        """
