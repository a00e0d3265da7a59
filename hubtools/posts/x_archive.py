"""X's archive ("Download an archive of your data"): a zip, an unpacked folder, or tweets.js alone.

Only the members that are needed are opened: tweets, long texts, account, profile and its picture.
Direct messages, log-ins, contacts and deleted tweets stay closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, opening, sound, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.handles import checked_handle
from hubtools.posts.js_literals import may_be_relaxed
from hubtools.posts.options import ReadOptions
from hubtools.posts.pictures import is_picture
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.table import Source, timeline
from hubtools.posts.x_layout import Layout, find_layout, homes
from hubtools.posts.x_tweets import (
    JsFile,
    kind_of,
    read_long_texts,
    records,
    tweet_rows,
)


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is an archive's zip or folder, or one of its `.js` files."""
    if isinstance(container, FileContainer):
        return kind_of(opening(container, container.names[0])) is not None
    return bool(homes(container))


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The timeline in an archive; its digest is over tweets and long texts in reading order.

    Raises SourceError with member and line.
    """
    if isinstance(container, FileContainer):
        layout = Layout("", container.names, (), None, None, None, {})
    else:
        layout = find_layout(container)
    digest = hashlib.sha256()
    members = [text_member(container, name, digest) for name in layout.tweets]
    long_members = [text_member(container, name, digest) for name in layout.notes]
    notes = tuple(note for member in members + long_members for note in member.notes)
    read_as = partial(_read_as, source, digest.hexdigest(), layout, members, long_members, notes)
    try:
        return read_as(options, relaxed=False)
    except SourceError as error:
        if not may_be_relaxed(error):
            raise
        try:
            return read_as(options, relaxed=True)
        except SourceError:
            raise error from None


def _read_as(
    source: str,
    digest: str,
    layout: Layout,
    members: Sequence[TextMember],
    long_members: Sequence[TextMember],
    notes: tuple[str, ...],
    options: ReadOptions,
    *,
    relaxed: bool,
) -> AccountPosts:
    container = members[0].container
    long_texts = read_long_texts(JsFile(member, relaxed) for member in long_members)
    files = [JsFile(member, relaxed) for member in members]
    account, said = _account(container, layout, relaxed)
    rows = partial(tweet_rows, files, long_texts)
    read_from = Source(source, container, digest, rows, notes, account, layout.promised)
    found = timeline(read_from, options)
    return replace(found, notes=(*found.notes, *said))


def _account(
    container: Container, layout: Layout, relaxed: bool
) -> tuple[Account, tuple[str, ...]]:
    """Whose archive this is, and what could not be found."""
    about = _first(container, layout.account, "account", relaxed)
    where, field = container.where(layout.account or "manifest.js"), "username"
    handle, name = about.get("username"), about.get("accountDisplayName")
    if handle is None and layout.owner:
        where, field = container.where(f"{layout.home}manifest.js"), "userInfo.userName"
        handle, name = layout.owner.get("userName"), layout.owner.get("displayName")
    url = _first(container, layout.profile, "profile", relaxed).get("avatarMediaUrl")
    url = url if isinstance(url, str) and url.startswith(("https://", "http://")) else None
    account = Account(
        network="x",
        handle=checked_handle(str(handle), "x", where, field) if handle is not None else None,
        name=sound(name).strip() or None if isinstance(name, str) else None,
        avatar_url=url,
        avatar=_avatar(container, layout, url),
    )
    said = () if handle else ("The source does not say whose posts these are.",)
    return account, said


def _first(container: Container, name: str | None, key: str, relaxed: bool) -> Mapping[str, Any]:
    if name is None:
        return {}
    file = JsFile(text_member(container, name), relaxed)
    return next((record for _, record in records(file, key, key)), {})


def _avatar(container: Container, layout: Layout, url: str | None) -> bytes | None:
    """The picture behind `url`, which lies in `profile_media` as ACCOUNT-NAME."""
    if url is None:
        return None
    wanted = PurePosixPath(url).name
    for name in container.names:
        folder, _, file = name.rpartition("/")
        if f"{folder}/" == f"{layout.home}profile_media/" and wanted in (
            file,
            file.partition("-")[2],
        ):
            data = container.read(name, container.limits.picture)
            return data if is_picture(data) else None
    return None
