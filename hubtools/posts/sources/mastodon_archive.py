"""Mastodon's archive: a tar.gz, zip or folder with `outbox.json`, or that file alone.

The outbox is an ActivityStreams collection (https://www.w3.org/TR/activitystreams-core/): `Create`
holds a Note or a Question by the account, `Announce` the address of somebody else's. It holds
**every** post, including those to followers and direct messages; `to` and `cc` say who may see one
(https://docs.joinmastodon.org/spec/activitypub/#as). Content warnings (`summary`) are not part of
the text. Likes, bookmarks and media stay closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import Author, PostRecord, read_members
from hubtools.posts.formats.characters import TextMember, language_code, text_member
from hubtools.posts.formats.container import Container, FileContainer
from hubtools.posts.formats.dates import parse_date
from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.formats.html_text import html_to_text
from hubtools.posts.formats.json_keys import file_key_paths
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.formats.mastodon_status import check_html_length
from hubtools.posts.formats.values import (
    encodable,
    is_image,
    mapping,
    text_or_none,
    web_address,
)
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.source import FileSource

_OUTBOX = "outbox.json"
_ACTOR = "actor.json"
_ITEMS = ("orderedItems", "items")
_OWN_TYPES = ("Note", "Question", "Article")
_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_ACTOR_URL = re.compile(r"https?://([^/\s]+)/(?:users/|@)([^/\s]+)")


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether there is an outbox, as a member of that name or as the file itself."""
    if isinstance(container, FileContainer):
        found = file_key_paths(container)
        return "orderedItems" in found or "items.object.content" in found
    return bool(_outboxes(container))


def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The public posts in an archive, and unlisted ones if `options` asks for them.

    Raises SourceError with member and line, PolicyError if the account has opted out.
    """
    if isinstance(container, FileContainer):
        return read_members(path, container, container.names, options, _records)
    outbox = container.only(_outboxes(container))
    account = _account(container, outbox.removesuffix(_OUTBOX))
    return read_members(path, container, (outbox,), options, _records, account)


def _outboxes(container: Container) -> list[str]:
    return [name for name in container.names if PurePosixPath(name).name == _OUTBOX]


def _account(container: Container, home: str) -> Account | None:
    """Whose archive it is, from the profile beside the outbox; None if there is none."""
    name = home + _ACTOR
    if name not in container.names:
        return None
    member = text_member(container, name)
    with JsonStream(member) as stream:
        actor = stream.value()
    if not isinstance(actor, dict):
        raise SourceError("is not a profile", where=member.where, fix="Download the archive again")
    refuse_opted_out(actor, member.where)
    user = actor.get("preferredUsername")
    url = _ACTOR_URL.match(str(actor.get("id") or actor.get("url")))
    handle = None
    if isinstance(user, str):
        full = user if url is None else f"{user}@{url[1]}"
        handle = checked_handle(full, "mastodon", member.where, "preferredUsername")
    avatar_url, avatar = _avatar(container, home, mapping(actor.get("icon")).get("url"))
    return Account("mastodon", handle, text_or_none(actor.get("name")), avatar_url, avatar)


def _avatar(container: Container, home: str, url: object) -> tuple[str | None, bytes | None]:
    if not isinstance(url, str) or web_address(url):
        return web_address(url), None
    name = home + url.removeprefix("/")
    if name not in container.names:
        return None, None
    data = container.read(name, container.limits.picture)
    return None, data if is_image(data) else None


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    with JsonStream(member) as stream:
        for line, key, activity in stream.members(_ITEMS):
            if key in _ITEMS and isinstance(activity, dict):
                record = _record(activity, f"{member.where}:{line}", options.unlisted)
                if record is not None:
                    yield record


def _record(activity: Mapping[str, Any], where: str, unlisted: bool) -> PostRecord | None:
    """None for likes, follows, deletions and whatever else is neither a post nor a repost."""
    kind, note = activity.get("type"), mapping(activity.get("object"))
    if kind == "Announce":
        post = Post(
            id=text_or_none(activity.get("id")) or where.rpartition(":")[2],
            text="",
            created=parse_date(activity.get("published")),
            repost=True,
        )
    elif kind == "Create" and note.get("type") in _OWN_TYPES:
        post = _post(note, activity, where)
    else:
        return None
    addressed = [one for one in (activity, note) if "to" in one or "cc" in one]
    public = bool(addressed) and all(_is_public(one, unlisted) for one in addressed)
    return PostRecord(post, _author(activity, note), "mastodon", where, public=public)


def _post(note: Mapping[str, Any], activity: Mapping[str, Any], where: str) -> Post:
    html = note.get("content")
    check_html_length(html, where)
    languages = note.get("contentMap")
    only = next(iter(languages)) if isinstance(languages, dict) and len(languages) == 1 else None
    return Post(
        id=text_or_none(note.get("id")) or where.rpartition(":")[2],
        text=encodable(html_to_text(html if isinstance(html, str) else "")),
        created=parse_date(note.get("published") or activity.get("published")),
        language=language_code(only),
        reply_to=text_or_none(note.get("inReplyTo")),
    )


def _author(activity: Mapping[str, Any], note: Mapping[str, Any]) -> Author | None:
    actor = text_or_none(activity.get("actor")) or text_or_none(note.get("attributedTo"))
    if actor is None:
        return None
    found = _ACTOR_URL.fullmatch(actor)
    handle = f"{found[2]}@{found[1]}" if found else None
    return Author(actor.casefold(), handle, "actor")


def _is_public(one: Mapping[str, Any], unlisted: bool) -> bool:
    to = _recipients(one.get("to"))
    return bool(_PUBLIC & to) or (unlisted and bool(_PUBLIC & _recipients(one.get("cc"))))


def _recipients(value: object) -> frozenset[str]:
    found = value if isinstance(value, list) else [value]
    return frozenset(one for one in found if isinstance(one, str))


SOURCE = FileSource(
    name="mastodon-archive",
    description="an archive from Mastodon (tar.gz, zip, folder or outbox.json)",
    recognize=recognize,
    read=read,
    order=30,
)
