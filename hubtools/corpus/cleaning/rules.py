"""What rules of cleaning are, and what they say of each post."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hubtools.posts.post import AccountPosts, Post

REPOST = "a repost"
"""The reason of posts whose words are someone else's; a card counts them in a row of their own."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one post."""

    post: Post
    text: str
    """What is trained on, or what was left when it was dropped."""
    reason: str | None = None
    """Why it is left out, as a short phrase; None when it is kept."""
    changes: tuple[str, ...] = ()
    """Which rules changed the text, as short phrases."""


class Cleaning(Protocol):
    """Rules that turn an account's posts into what is trained on."""

    @property
    def name(self) -> str:
        """What a record of the run calls these rules."""

    def decide(self, timeline: AccountPosts) -> Iterator[Decision]:
        """One decision for each post, so that counts add up; the kept ones in the source's order.

        The timeline may be gone through more than once.
        """
