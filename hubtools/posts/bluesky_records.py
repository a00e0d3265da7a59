"""Bluesky's records, as repositories hold them and as dumps of the API keep them.

https://docs.bsky.app/docs/advanced-guides/posts: a record `app.bsky.feed.post` has `text`,
`createdAt`, `langs`, `reply` and `facets`. The Python SDK writes the same keys in snake case and
`py_type` for `$type`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubtools.posts.characters import language_code, sound
from hubtools.posts.dates import parse_date
from hubtools.posts.facets import own_text
from hubtools.posts.post import Post

POSTS = "app.bsky.feed.post"
REPOSTS = "app.bsky.feed.repost"


def kind_of(record: Mapping[str, Any]) -> str:
    """The collection that a record says it is of; "" when it does not say."""
    return str(record.get("$type") or record.get("py_type") or "")


def either(record: Mapping[str, Any], name: str) -> Any:
    """A field by its name in the protocol, or by that in snake case."""
    if name in record:
        return record[name]
    return record.get("".join(f"_{one.lower()}" if one.isupper() else one for one in name))


def record_post(key: str, record: Mapping[str, Any], did: str | None) -> Post:
    """The post in a record of `did`, with `key` as its id: the last part of its address."""
    text, languages = record.get("text"), record.get("langs")
    only = isinstance(languages, list) and len(languages) == 1
    return Post(
        id=sound(key),
        text=sound(own_text(text if isinstance(text, str) else "", record.get("facets"))),
        created=parse_date(either(record, "createdAt")),
        language=language_code(languages[0]) if only and languages else None,
        reply_to=_reply_to(record, did),
    )


def record_repost(key: str, record: Mapping[str, Any]) -> Post:
    """A repost has no words: it names what it passes on."""
    return Post(f"repost/{sound(key)}", "", parse_date(either(record, "createdAt")), repost=True)


def _reply_to(record: Mapping[str, Any], did: str | None) -> str | None:
    """The key of one's own post that is answered, the whole address of somebody else's."""
    reply = record.get("reply")
    parent = reply.get("parent") if isinstance(reply, dict) else None
    uri = parent.get("uri") if isinstance(parent, dict) else None
    return sound(uri).removeprefix(f"at://{did}/{POSTS}/") if isinstance(uri, str) else None
