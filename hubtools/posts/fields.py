"""What the fields of a record mean in dumps of posts, as JSON or CSV.

The names are those of X's API 1.1 and of the dumps that people made with it (`full_text`,
`id_str`, `retweeted_status`, `user.screen_name`), and the plain ones that other tools write
(`text`, `id`, `created_at`, `username`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hubtools.errors import SourceError
from hubtools.posts.characters import language_code, sound, undo_x_escapes
from hubtools.posts.dates import parse_date
from hubtools.posts.handles import checked_handle
from hubtools.posts.model import Account, Network, Post

TEXT = ("full_text", "text")
_ID = ("id_str", "id", "tweet_id", "status_id")
_DATE = ("created_at", "created", "date", "timestamp", "time")
_AUTHOR = ("user", "author")
_HANDLE = ("screen_name", "user_screen_name", "username", "handle", *_AUTHOR, "account")
_LINK = ("url", "permalink", "link", "tweet_url")
_ORIGINAL = ("retweeted_status", "retweeted_status_id", "retweeted_status_id_str")
_ONLY_X = frozenset(
    ("full_text", "id_str", "tweet_id", "screen_name", "favorite_count", "retweet_count")
) | frozenset(_ORIGINAL)
_STATUS = re.compile(r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status(?:es)?/(\d+)")
_NOTHING = ("", "0", "false", "none", "null", "nan", "f", "no", "n")


@dataclass(frozen=True, slots=True)
class Row:
    """One record, and what it says of its author."""

    post: Post
    handle: str | None
    field: str
    """Where the handle stands."""
    name: str | None
    from_x: bool
    where: str


def read_row(record: Mapping[str, Any], where: str) -> Row:
    """The post in a record; SourceError at `where` (file and line) when it has no text."""
    field = next((name for name in TEXT if name in record), None)
    raw = "" if field is None or record[field] is None else record[field]
    if field is None or not isinstance(raw, str):
        has = ", ".join(map(str, list(record)[:12])) or "nothing"
        raise SourceError(
            f"a record has no text in 'full_text' or 'text' (it has: {has[:200]})",
            where=where,
            fix="Rename the field that holds the posts to 'text'",
        )
    status = next(filter(None, (_STATUS.match(str(record.get(name))) for name in _LINK)), None)
    from_x = status is not None or not _ONLY_X.isdisjoint(record)
    text = undo_x_escapes(sound(raw)) if from_x else sound(raw)
    handle, said_in, name = _author(record)
    post = Post(
        id=_first(record, _ID) or (status[1] if status else where.rpartition(":")[2]),
        text=text,
        created=parse_date(_first(record, _DATE)),
        repost=text.startswith("RT @") or _is_repost(record),
        language=language_code(record.get("lang")),
    )
    return Row(post, handle, said_in, name, from_x, where)


def gather(rows: Iterable[Row]) -> tuple[Account, tuple[Post, ...]]:
    """The one account of all rows, and its posts.

    Raises SourceError for a second author, and for a handle that can be none.
    """
    posts: list[Post] = []
    first: Row | None = None
    name, all_x = None, True
    for row in rows:
        posts.append(row.post)
        all_x = all_x and row.from_x
        name = name or row.name
        if row.handle is None:
            continue
        first = first or row
        if row.handle.casefold() != str(first.handle).casefold():
            raise SourceError(
                f"has posts of two authors, {first.handle!r:.60} and {row.handle!r:.60}",
                where=row.where,
                fix="Split the file into one for each author",
            )
    network: Network = "x" if posts and all_x else "file"
    handle = None
    if first is not None and first.handle is not None:
        handle = checked_handle(first.handle, network, first.where, first.field)
    return Account(network=network, handle=handle, name=name), tuple(posts)


def _author(record: Mapping[str, Any]) -> tuple[str | None, str, str | None]:
    """Handle, the field that it stands in, and name; in `user`, a text with spaces is a name."""
    name = _text(record.get("name"))
    for field in _AUTHOR:
        inner = record.get(field)
        if isinstance(inner, dict):
            handle = _first(inner, ("screen_name", "username", "handle"))
            return _handle(handle), f"{field}.screen_name", _text(inner.get("name"))
    for field in _HANDLE:
        value = _text(record.get(field))
        if value is None:
            continue
        if field in _AUTHOR and " " in value and "/" not in value:
            name = name or value
            continue
        return _handle(value), field, name
    return None, "", name


def _handle(value: str | None) -> str | None:
    return value.removeprefix("@") or None if value else None


def _is_repost(record: Mapping[str, Any]) -> bool:
    if any(_says_yes(record.get(name)) for name in (*_ORIGINAL, "is_retweet")):
        return True
    references = record.get("referenced_tweets")
    return isinstance(references, list) and any(
        isinstance(one, dict) and one.get("type") == "retweeted" for one in references
    )


def _says_yes(value: Any) -> bool:
    return bool(value) and str(value).strip().lower() not in _NOTHING


def _first(record: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of these fields that has a value, as text."""
    for name in names:
        value = record.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return sound(value.strip())
    return None


def _text(value: Any) -> str | None:
    return sound(value).strip() or None if isinstance(value, str) else None
