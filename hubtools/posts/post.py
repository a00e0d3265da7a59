"""What every source of posts yields: an account and its posts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Network = Literal["x", "mastodon", "bluesky", "file"]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose posts these are. What the source does not say is None, never a guess."""

    network: Network
    handle: str | None = None
    """Without the leading @."""
    name: str | None = None
    avatar_url: str | None = None
    avatar: bytes | None = field(default=None, repr=False)
    """The encoded picture (JPEG, PNG, …) if the source contains it."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post in the author's characters, without the source's escaping."""

    id: str
    text: str
    created: datetime | None = None
    """Aware, in UTC."""
    repost: bool = False
    """Whether the words are someone else's, shared unchanged."""
    language: str | None = None
    """An ISO 639 code, if the source has one."""
    reply_to: str | None = None
    """The id of the post that this one replies to."""
    truncated: bool = False
    """Whether the source has only the beginning of the text."""


@dataclass(frozen=True, slots=True)
class AccountPosts:
    """One account's posts as one source holds them, in the source's order."""

    source: str
    """As the person named it: a path or an address."""
    digest: str
    """SHA-256 in hex of every byte that was read for the posts."""
    account: Account
    posts: Iterable[Post]
    """Can be iterated any number of times."""
    notes: tuple[str, ...] = ()
    """What a person should know about how the source was read, each a sentence."""


def posts_digest(posts: Iterable[Post]) -> str:
    """The SHA-256 in hex of the posts' ids, texts, dates, languages and parents."""
    digest = hashlib.sha256()
    for post in posts:
        created = post.created.isoformat() if post.created else None
        fields = (post.id, post.text, created, post.repost, post.language, post.reply_to)
        digest.update(json.dumps(fields, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()
