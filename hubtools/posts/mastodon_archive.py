"""Mastodon's archive: a tar.gz, zip or folder with `outbox.json`, or that file alone.

The outbox is an ActivityStreams collection (https://www.w3.org/TR/activitystreams-core/): `Create`
holds a Note or a Question of the account's own, `Announce` the address of somebody else's. It holds
**every** post, those to followers and direct messages too; who may see one stands in `to` and `cc`
(https://docs.joinmastodon.org/spec/activitypub/#as). Content warnings (`summary`) are not part of
the text. Likes, bookmarks and media stay closed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, language_code, sound, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.dates import parse_date
from hubtools.posts.handles import checked_handle
from hubtools.posts.jsonshape import file_paths
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.pictures import is_picture
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.statustext import html_to_text
from hubtools.posts.table import Author, Row, Source, timeline

_OUTBOX = "outbox.json"
_ACTOR = "actor.json"
_ITEMS = ("orderedItems", "items")
_OWN = ("Note", "Question", "Article")
_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_ADDRESS = re.compile(r"https?://([^/\s]+)/(?:users/|@)([^/\s]+)")
LONGEST = 1 << 18
"""Characters of one post's HTML, so that reading it ends in time."""


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether there is an outbox, as a member of that name or as the file itself."""
    if isinstance(container, FileContainer):
        found = file_paths(container)
        return "orderedItems" in found or "items.object.content" in found
    return bool(_outboxes(container))


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The timeline in an archive: public posts, and unlisted ones when `options` asks for them.

    Raises SourceError with member and line, PolicyError when the account has opted out.
    """
    digest = hashlib.sha256()
    alone = isinstance(container, FileContainer)
    name = container.names[0] if alone else _one(container)
    member = text_member(container, name, digest)
    account = None if alone else _account(container, name.removesuffix(_OUTBOX))
    rows = partial(_rows, member, options.unlisted)
    source_ = Source(source, container, digest.hexdigest(), rows, member.notes, account)
    return timeline(source_, options)


def _outboxes(container: Container) -> list[str]:
    return [name for name in container.names if PurePosixPath(name).name == _OUTBOX]


def _one(container: Container) -> str:
    first, *others = _outboxes(container)
    if others:
        raise SourceError(
            f"holds more than one archive: {first}, {', '.join(others)}"[:400],
            where=container.path,
            fix="Name one of them",
        )
    return first


def _account(container: Container, home: str) -> Account | None:
    """Whose archive it is, from the profile beside the outbox; None where there is no profile."""
    name = home + _ACTOR
    if name not in container.names:
        return None
    member = text_member(container, name)
    with member.open() as text:
        actor = JsonStream(text, member.where, container.limits.record).value()
    if not isinstance(actor, dict):
        raise SourceError("is no profile", where=member.where, fix="Download the archive again")
    refuse_opted_out(actor, member.where)
    user = actor.get("preferredUsername")
    host = _ADDRESS.match(str(actor.get("id") or actor.get("url")))
    handle = None
    if isinstance(user, str):
        said = user if host is None else f"{user}@{host[1]}"
        handle = checked_handle(said, "mastodon", member.where, "preferredUsername")
    shown = actor.get("name")
    url, avatar = _picture(container, home, actor.get("icon"))
    called = sound(shown).strip() if isinstance(shown, str) else ""
    return Account("mastodon", handle, called or None, url, avatar)


def _picture(container: Container, home: str, icon: object) -> tuple[str | None, bytes | None]:
    """The avatar's address on the web, or its bytes when they are a member."""
    url = icon.get("url") if isinstance(icon, dict) else None
    if not isinstance(url, str):
        return None, None
    if url.startswith(("https://", "http://")):
        return url, None
    name = home + url.removeprefix("/")
    if name not in container.names:
        return None, None
    data = container.read(name, container.limits.picture)
    return None, data if is_picture(data) else None


def _rows(member: TextMember, unlisted: bool) -> Iterator[Row]:
    with member.open() as text:
        stream = JsonStream(text, member.where, member.container.limits.record)
        for line, key, activity in stream.members(_ITEMS):
            if key in _ITEMS and isinstance(activity, dict):
                row = _row(activity, f"{member.where}:{line}", unlisted)
                if row is not None:
                    yield row


def _row(activity: Mapping[str, Any], where: str, unlisted: bool) -> Row | None:
    """None for what is neither a post nor a repost: likes, follows, deletions."""
    kind, object_ = activity.get("type"), activity.get("object")
    note = object_ if isinstance(object_, dict) else {}
    if kind == "Announce":
        post = Post(
            id=_text(activity.get("id")) or where.rpartition(":")[2],
            text="",
            created=parse_date(activity.get("published")),
            repost=True,
        )
    elif kind == "Create" and note.get("type") in _OWN:
        post = _post(note, activity, where)
    else:
        return None
    said = [one for one in (activity, note) if "to" in one or "cc" in one]
    public = bool(said) and all(_may_all_see(one, unlisted) for one in said)
    return Row(post, _author(activity, note), "mastodon", where, public=public)


def _post(note: Mapping[str, Any], activity: Mapping[str, Any], where: str) -> Post:
    html = note.get("content")
    html = html if isinstance(html, str) else ""
    if len(html) > LONGEST:
        raise SourceError(
            f"has a post of more than {LONGEST:,} characters", where=where, fix="Take it out"
        )
    languages = note.get("contentMap")
    only = next(iter(languages)) if isinstance(languages, dict) and len(languages) == 1 else None
    return Post(
        id=_text(note.get("id")) or where.rpartition(":")[2],
        text=sound(html_to_text(html)),
        created=parse_date(note.get("published") or activity.get("published")),
        language=language_code(only),
        reply_to=_text(note.get("inReplyTo")),
    )


def _author(activity: Mapping[str, Any], note: Mapping[str, Any]) -> Author | None:
    said = _text(activity.get("actor")) or _text(note.get("attributedTo"))
    if said is None:
        return None
    found = _ADDRESS.fullmatch(said)
    handle = f"{found[2]}@{found[1]}" if found else None
    return Author(said.casefold(), handle, "actor")


def _may_all_see(one: Mapping[str, Any], unlisted: bool) -> bool:
    to = _listed(one.get("to"))
    return bool(_PUBLIC & to) or (unlisted and bool(_PUBLIC & _listed(one.get("cc"))))


def _listed(value: object) -> frozenset[str]:
    found = value if isinstance(value, list) else [value]
    return frozenset(one for one in found if isinstance(one, str))


def _text(value: object) -> str | None:
    return sound(value) or None if isinstance(value, str) else None
