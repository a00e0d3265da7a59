"""Dumps of Bluesky's API: feeds (`getAuthorFeed`), records (`listRecords`), or records alone.

Seen: whole answers, one or many in a file, and their items in a list or one a line; with the keys
of the protocol and with those of its Python SDK. A feed mixes in what its author reposted (an item
with a `reason`); that is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hubtools.posts.bluesky_records import POSTS, either, kind_of, record_post
from hubtools.posts.characters import TextMember, sound, text_member
from hubtools.posts.container import Container
from hubtools.posts.jsonshape import file_paths
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.post import AccountPosts
from hubtools.posts.table import Author, Row, Source, timeline

_LISTS = ("feed", "records", "posts")
_ITEM = frozenset(("post.record.text", "record.text", "value.text"))
_TYPES = frozenset(("$type", "py_type"))


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file with such items."""
    found = file_paths(container)
    if _is_record(found):
        return True
    wrapped = {f"{name}.{item}" for name in _LISTS for item in _ITEM}
    return not found.isdisjoint(wrapped) or (not found.isdisjoint(_ITEM) and "text" not in found)


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The one author's posts. Raises SourceError with the line, PolicyError for an opt-out."""
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    wrapped = any(name in file_paths(container) for name in _LISTS)
    rows = partial(_rows, member, _LISTS if wrapped else ())
    return timeline(Source(source, container, digest.hexdigest(), rows, member.notes), options)


def _is_record(found: frozenset[str]) -> bool:
    """Whether these are records without an address: their type stands beside the text."""
    dated = "createdAt" in found or "created_at" in found
    return "text" in found and dated and not found.isdisjoint(_TYPES)


def _rows(member: TextMember, lists: tuple[str, ...]) -> Iterator[Row]:
    with member.open() as text:
        stream = JsonStream(text, member.where, member.container.limits.record)
        items = (
            ((line, item) for line, key, item in stream.members(lists) if key in lists)
            if lists
            else stream.values()
        )
        for line, item in items:
            if isinstance(item, dict) and not item.get("reason"):
                yield from _row(item, f"{member.where}:{line}")


def _row(item: Mapping[str, Any], where: str) -> Iterator[Row]:
    """The post in an item of a feed, a view of a post, a record with its address, or a record."""
    view = _table(item.get("post")) or item
    record = _table(view.get("record")) or _table(view.get("value")) or view
    if kind_of(record) not in (POSTS, "") or not isinstance(record.get("text"), str):
        return
    uri = view.get("uri")
    uri = sound(uri) if isinstance(uri, str) else ""
    did = uri.removeprefix("at://").partition("/")[0] if uri.startswith("at://did:") else None
    author = _author(_table(view.get("author")), did, where)
    key = uri.rpartition("/")[2] or where.rpartition(":")[2]
    yield Row(record_post(key, record, did), author, "bluesky", where)


def _author(said: Mapping[str, Any], did: str | None, where: str) -> Author | None:
    refuse_opted_out(said, where)
    key = _text(said.get("did")) or did
    if key is None:
        return None
    handle, avatar = _text(said.get("handle")), _text(said.get("avatar"))
    return Author(
        key=key,
        handle=None if handle == "handle.invalid" else handle,
        field="author.handle",
        name=_text(either(said, "displayName")),
        avatar_url=avatar if avatar and avatar.startswith("https://") else None,
    )


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return sound(value).strip() or None if isinstance(value, str) else None
