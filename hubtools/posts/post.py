"""What a source of posts yields: an account and its posts, whatever the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Network = Literal["x", "mastodon", "bluesky", "file"]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose posts these are. What a source does not say is None, never guessed."""

    network: Network
    handle: str | None = None
    """Without the leading @."""
    name: str | None = None
    avatar_url: str | None = None
    avatar: bytes | None = field(default=None, repr=False)
    """The encoded picture (JPEG, PNG, …) when the source contains it."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post, in the author's characters: the source's own escaping is undone."""

    id: str
    text: str
    created: datetime | None = None
    """Aware, in UTC."""
    repost: bool = False
    """True when the words are someone else's, passed on as they were."""
    language: str | None = None
    """A code of ISO 639, when the source says one."""
    reply_to: str | None = None
    """The id of the post that this one answers."""
    truncated: bool = False
    """True when the source has only the beginning of the text."""


@dataclass(frozen=True, slots=True)
class AccountPosts:
    """One account's posts as one source holds them, in the source's order."""

    source: str
    """What the person named: a path or an address."""
    digest: str
    """SHA-256, in hex, of every byte that was read for the posts."""
    account: Account
    posts: Iterable[Post]
    """Can be gone through any number of times."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the source was read, each a sentence."""
