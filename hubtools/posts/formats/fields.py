"""What the fields of a record mean in dumps of posts as JSON or CSV.

The names come from X's API 1.1 (`full_text`, `id_str`, `retweeted_status`, `user.screen_name`), its
API 2 as twarc flattens it (`referenced_tweets`, `note_tweet`, `author.username`), dumps made with
them, and the plain names that other tools write (`text`, `id`, `created_at`, `username`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import Author, PostRecord
from hubtools.posts.formats.characters import language_code
from hubtools.posts.formats.dates import parse_date
from hubtools.posts.formats.values import encodable, mapping, objects, text_or_none, web_address
from hubtools.posts.formats.x_text import is_typed_repost, own_words
from hubtools.posts.post import Network, Post

TEXT = ("full_text", "text")
_ALSO_TEXT = ("tweet_text", "tweet", "post_text", "post", "content", "message")
_ID = ("id_str", "id", "tweet_id", "status_id")
_DATE = ("created_at", "created", "date", "timestamp", "time")
_REPLY = ("in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to_id", "reply_to")
_AUTHOR = ("user", "author")
_HANDLE = ("screen_name", "user_screen_name", "username", "handle", *_AUTHOR, "account")
_PICTURE = ("profile_image_url_https", "profile_image_url", "avatar")
_LINK = ("url", "permalink", "link", "tweet_url")
_ORIGINAL = ("retweeted_status", "retweeted_status_id", "retweeted_status_id_str")
_REPOST = (*_ORIGINAL, "is_retweet")
_ONLY_X = frozenset(
    (
        *("full_text", "id_str", "tweet_id", "screen_name", "favorite_count", "retweet_count"),
        *("referenced_tweets", "edit_history_tweet_ids", "public_metrics", "reply_settings"),
        *_ORIGINAL,
    )
)
_STATUS = re.compile(r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status(?:es)?/(\d+)")
_NOTHING = ("", "0", "false", "none", "null", "nan", "f", "no", "n")
_HIDDEN = ("private", "direct", "followers", "followers-only", "limited", "protected", "circle")


def text_field(names: Collection[str], wanted: str | None) -> str | None:
    """Which of a record's fields holds the post; None if that is ambiguous.

    It is the one that is wanted, else `full_text` or `text`, else the only one with another
    well-known name.
    """
    if wanted is not None:
        lower = wanted.casefold()
        return next((name for name in names if str(name).casefold() == lower), None)
    for name in TEXT:
        if name in names:
            return name
    others = [name for name in _ALSO_TEXT if name in names]
    return others[0] if len(others) == 1 else None


def read_record(
    record: Mapping[str, Any],
    where: str,
    text_column: str | None = None,
    network: Network | None = None,
) -> PostRecord:
    """The post in a record. Raises SourceError at `where` (file and line) if it has no text.

    Without a `network`, it is X if the record's fields or links are X's, else unknown ("file").
    """
    raw = _raw_text(record, where, text_column)
    status = next(filter(None, (_STATUS.match(str(record.get(name))) for name in _LINK)), None)
    from_x = (
        network == "x"
        or status is not None
        or "screen_name" in mapping(record.get("user"))
        or not _ONLY_X.isdisjoint(record)
    )
    name = _first(record, _ID) or (status[1] if status else where.rpartition(":")[2])
    text, cut = own_words(record, raw, name) if from_x else (encodable(raw), False)
    author, unattributed = _author(record)
    parent = _first(record, _REPLY) or next(iter(_referenced(record, "replied_to")), None)
    edits = record.get("edit_history_tweet_ids")
    post = Post(
        id=name,
        text=text,
        created=parse_date(_first(record, _DATE)),
        repost=is_typed_repost(text)
        or any(_is_set(record.get(name)) for name in _REPOST)
        or bool(_referenced(record, "retweeted")),
        language=language_code(record.get("lang") or record.get("language")),
        reply_to=parent if _is_set(parent) else None,
        truncated=cut,
    )
    return PostRecord(
        post,
        author,
        "x" if from_x else "file",
        where,
        name=unattributed,
        public=_is_public(record),
        versions=tuple(map(str, edits)) if isinstance(edits, list) else (),
    )


def _raw_text(record: Mapping[str, Any], where: str, text_column: str | None) -> str:
    """The longest form of the text in the record, as it is there."""
    for field, key in (("note_tweet", "text"), ("extended_tweet", "full_text")):
        long = mapping(record.get(field)).get(key)
        if text_column is None and isinstance(long, str):
            return long
    name = text_field(record, text_column)
    raw = None if name is None else record[name]
    if isinstance(raw, int | float):
        return str(raw)
    if name is not None and (raw is None or isinstance(raw, str)):
        return raw or ""
    has = ", ".join(map(str, list(record)[:12])) or "nothing"
    sought = f"{text_column!r}" if text_column else "'full_text' or 'text'"
    raise SourceError(
        f"has a record without text in {sought} (its fields: {has[:200]})",
        where=where,
        fix="Name the field that holds the posts with --text-column",
    )


def _author(record: Mapping[str, Any]) -> tuple[Author | None, str | None]:
    """Who wrote it, and the name in a record that has no handle.

    A `user` with spaces is a name.
    """
    name = text_or_none(record.get("name"))
    for field in _AUTHOR:
        inner = record.get(field)
        if isinstance(inner, dict):
            handle = _handle(_first(inner, ("screen_name", "username", "handle")))
            key = handle.casefold() if handle else _first(inner, ("id_str", "id"))
            shown = text_or_none(inner.get("name"))
            picture = web_address(_first(inner, _PICTURE))
            return _known(key, handle, f"{field}.screen_name", shown, picture), shown
    for field in _HANDLE:
        value = text_or_none(record.get(field))
        if value is None:
            continue
        if field in _AUTHOR and " " in value and "/" not in value:
            name = name or value
            continue
        handle = _handle(value)
        return _known(handle.casefold() if handle else None, handle, field, name, None), name
    return _known(_first(record, ("author_id", "user_id")), None, "author_id", name, None), name


def _known(
    key: str | None, handle: str | None, field: str, name: str | None, picture: str | None
) -> Author | None:
    return Author(key, handle, field, name, picture) if key else None


def _handle(value: str | None) -> str | None:
    return value.removeprefix("@") or None if value else None


def _referenced(record: Mapping[str, Any], kind: str) -> list[str]:
    """The ids of the posts that this one refers to in this way, as API 2 writes them."""
    found = objects(record.get("referenced_tweets"))
    return [str(one.get("id", "")) for one in found if one.get("type") == kind]


def _is_public(record: Mapping[str, Any]) -> bool:
    inner = [record, *(mapping(record.get(field)) for field in _AUTHOR)]
    if any(_is_set(one.get("protected")) for one in inner) or _is_set(record.get("deleted")):
        return False
    return str(record.get("visibility") or "").strip().lower() not in _HIDDEN


def _is_set(value: Any) -> bool:
    return bool(value) and str(value).strip().lower() not in _NOTHING


def _first(record: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return encodable(value.strip())
    return None
