"""Dumps of Mastodon's API: statuses in a list or one a line.

https://docs.joinmastodon.org/entities/Status/: `content` is HTML, `visibility` says who may see it,
and `reblog` holds what is passed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, language_code, sound, text_member
from hubtools.posts.container import Container
from hubtools.posts.dates import parse_date
from hubtools.posts.jsonshape import file_paths
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.mastodon_archive import LONGEST
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.post import AccountPosts, Post
from hubtools.posts.statustext import html_to_text
from hubtools.posts.table import Author, Row, Source, timeline

_SHAPE = frozenset(("content", "visibility", "account.acct"))


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file of statuses."""
    return options.text_column is None and file_paths(container) >= _SHAPE


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The one author's public posts, and unlisted ones when `options` asks for them.

    Raises SourceError with the line, PolicyError when the account has opted out.
    """
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    seen_by = ("public", "unlisted") if options.unlisted else ("public",)
    rows = partial(_rows, member, seen_by)
    return timeline(Source(source, container, digest.hexdigest(), rows, member.notes), options)


def _rows(member: TextMember, seen_by: tuple[str, ...]) -> Iterator[Row]:
    with member.open() as text:
        stream = JsonStream(text, member.where, member.container.limits.record)
        for line, status in stream.values():
            where = f"{member.where}:{line}"
            if not isinstance(status, dict):
                raise SourceError("is no status", where=where, fix="Take it out")
            public = status.get("visibility") in seen_by and status.get("local_only") is not True
            author = _author(status.get("account"), where)
            yield Row(_post(status, where), author, "mastodon", where, public=public)


def _post(status: Mapping[str, Any], where: str) -> Post:
    html, reblog = status.get("content"), status.get("reblog") is not None
    if isinstance(html, str) and len(html) > LONGEST:
        raise SourceError(
            f"has a post of more than {LONGEST:,} characters", where=where, fix="Take it out"
        )
    return Post(
        id=_text(status.get("id")) or where.rpartition(":")[2],
        text=sound(html_to_text(html)) if isinstance(html, str) and not reblog else "",
        created=parse_date(status.get("created_at")),
        repost=reblog,
        language=language_code(status.get("language")),
        reply_to=_text(status.get("in_reply_to_id")),
    )


def _author(said: object, where: str) -> Author | None:
    """An account on the server that was asked has no host in `acct`, but in its address."""
    if not isinstance(said, dict):
        return None
    refuse_opted_out(said, where)
    handle, avatar = _text(said.get("acct")), _text(said.get("avatar"))
    if handle is None:
        return None
    if "@" not in handle and (host := _host(said.get("url"))):
        handle = f"{handle}@{host}"
    name = _text(said.get("display_name"))
    picture = avatar if avatar and avatar.startswith(("https://", "http://")) else None
    return Author(handle.casefold(), handle, "account.acct", name, picture)


def _host(url: object) -> str | None:
    try:
        return urlsplit(url).netloc or None if isinstance(url, str) else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return sound(value).strip() or None if isinstance(value, str) else None
