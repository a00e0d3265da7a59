"""Dumps of Bluesky's API: feeds (`getAuthorFeed`), records (`listRecords`), or records alone.

These come as whole responses, one or many in a file, and as their items in a list or one a line;
with the keys of the protocol and with those of its Python SDK. A feed includes what its author
reposted (items with a `reason`); those are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubtools.posts.formats.account_records import Author, PostRecord, file_reader
from hubtools.posts.formats.bluesky_records import POSTS, either, kind_of, record_post
from hubtools.posts.formats.characters import TextMember
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.json_keys import file_key_paths
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.formats.values import encodable, mapping, text_or_none
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.source import FileSource

_LISTS = ("feed", "records", "posts")
_ITEM = frozenset(("post.record.text", "record.text", "value.text"))
_TYPES = frozenset(("$type", "py_type"))


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file with such items."""
    found = file_key_paths(container)
    if _is_record(found):
        return True
    wrapped = {f"{name}.{item}" for name in _LISTS for item in _ITEM}
    return not found.isdisjoint(wrapped) or (not found.isdisjoint(_ITEM) and "text" not in found)


def _is_record(found: frozenset[str]) -> bool:
    """Whether these are the keys of records without an address: a type beside the text."""
    dated = "createdAt" in found or "created_at" in found
    return "text" in found and dated and not found.isdisjoint(_TYPES)


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    wrapped = any(name in file_key_paths(member.container) for name in _LISTS)
    lists = _LISTS if wrapped else ()
    with JsonStream(member) as stream:
        items = (
            ((line, item) for line, key, item in stream.members(lists) if key in lists)
            if lists
            else stream.values()
        )
        for line, item in items:
            if isinstance(item, dict) and not item.get("reason"):
                yield from _item_records(item, f"{member.where}:{line}")


def _item_records(item: Mapping[str, Any], where: str) -> Iterator[PostRecord]:
    """The post in an item of a feed, a view of a post, a record with its address, or a record."""
    view = mapping(item.get("post")) or item
    record = mapping(view.get("record")) or mapping(view.get("value")) or view
    if kind_of(record) not in (POSTS, "") or not isinstance(record.get("text"), str):
        return
    uri = view.get("uri")
    uri = encodable(uri) if isinstance(uri, str) else ""
    did = uri.removeprefix("at://").partition("/")[0] if uri.startswith("at://did:") else None
    author = _author(mapping(view.get("author")), did, where)
    key = uri.rpartition("/")[2] or where.rpartition(":")[2]
    yield PostRecord(record_post(key, record, did), author, "bluesky", where)


def _author(profile: Mapping[str, Any], did: str | None, where: str) -> Author | None:
    refuse_opted_out(profile, where)
    key = text_or_none(profile.get("did")) or did
    if key is None:
        return None
    handle, avatar = text_or_none(profile.get("handle")), text_or_none(profile.get("avatar"))
    return Author(
        key=key,
        handle=None if handle == "handle.invalid" else handle,
        field="author.handle",
        name=text_or_none(either(profile, "displayName")),
        avatar_url=avatar if avatar and avatar.startswith("https://") else None,
    )


SOURCE = FileSource(
    name="bluesky-api",
    description="a dump of Bluesky's API",
    recognize=recognize,
    read=file_reader(_records),
    order=60,
)
