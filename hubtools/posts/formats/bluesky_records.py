"""Bluesky's records, as repositories and dumps of the API hold them.

https://docs.bsky.app/docs/advanced-guides/posts: a record `app.bsky.feed.post` has `text`,
`createdAt`, `langs`, `reply` and `facets`. The Python SDK writes the same keys in snake case and
`py_type` for `$type`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubtools.posts.formats.bluesky_facets import expand_links
from hubtools.posts.formats.characters import language_code
from hubtools.posts.formats.dates import parse_date
from hubtools.posts.formats.values import encodable, mapping
from hubtools.posts.post import Post

POSTS = "app.bsky.feed.post"
REPOSTS = "app.bsky.feed.repost"


def kind_of(record: Mapping[str, Any]) -> str:
    """The collection that a record names; "" if it names none."""
    return str(record.get("$type") or record.get("py_type") or "")


def either(record: Mapping[str, Any], name: str) -> Any:
    """A field by the protocol's name for it, or by that name in snake case."""
    if name in record:
        return record[name]
    return record.get("".join(f"_{one.lower()}" if one.isupper() else one for one in name))


def record_post(key: str, record: Mapping[str, Any], did: str | None) -> Post:
    """The post in a record of `did`; `key` is the last part of its address and becomes its id."""
    text, languages = record.get("text"), record.get("langs")
    only = isinstance(languages, list) and len(languages) == 1
    return Post(
        id=encodable(key),
        text=encodable(expand_links(text if isinstance(text, str) else "", record.get("facets"))),
        created=parse_date(either(record, "createdAt")),
        language=language_code(languages[0]) if only and languages else None,
        reply_to=_reply_to(record, did),
    )


def record_repost(key: str, record: Mapping[str, Any]) -> Post:
    """A repost has no text of its own, only the address of the other post."""
    return Post(
        f"repost/{encodable(key)}", "", parse_date(either(record, "createdAt")), repost=True
    )


def _reply_to(record: Mapping[str, Any], did: str | None) -> str | None:
    """The key of the parent if it is one's own post, its full address if it is somebody else's."""
    uri = mapping(mapping(record.get("reply")).get("parent")).get("uri")
    return encodable(uri).removeprefix(f"at://{did}/{POSTS}/") if isinstance(uri, str) else None
