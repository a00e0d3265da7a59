"""X's archive ("Download an archive of your data"): a zip, an unpacked folder, or tweets.js alone.

Only the members that are needed are opened: tweets, long texts, account, profile and its picture.
Direct messages, log-ins, contacts and deleted tweets stay closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hubtools.posts.characters import TextMember, opening, sound, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.handles import checked_handle
from hubtools.posts.model import Account, Timeline
from hubtools.posts.x_layout import Layout, find_layout, homes
from hubtools.posts.x_tweets import (
    Tweets,
    kind_of,
    read_long_texts,
    read_tweets,
    records,
)

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")


def recognise(container: Container) -> bool:
    """Whether this is an archive's zip or folder, or one of its `.js` files."""
    if isinstance(container, FileContainer):
        return kind_of(opening(container, container.names[0])) is not None
    return bool(homes(container))


def read(source: str, container: Container) -> Timeline:
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
    tweets = read_tweets(members, read_long_texts(long_members))
    account, said = _account(container, layout)
    notes = [note for member in members + long_members for note in member.notes]
    return Timeline(
        source=source,
        digest=digest.hexdigest(),
        account=account,
        posts=tweets.posts,
        notes=(*notes, *_remarks(layout, tweets), *said),
    )


def _remarks(layout: Layout, tweets: Tweets) -> Iterable[str]:
    if tweets.superseded:
        yield f"{tweets.superseded:,} earlier versions of edited posts were left out."
    if layout.promised is not None and layout.promised != tweets.records:
        yield (
            f"The archive's manifest counts {layout.promised:,} posts; "
            f"its files hold {tweets.records:,}."
        )


def _account(container: Container, layout: Layout) -> tuple[Account, tuple[str, ...]]:
    """Whose archive this is, and what could not be found."""
    about = _first(container, layout.account, "account")
    where, field = container.where(layout.account or "manifest.js"), "username"
    handle, name = about.get("username"), about.get("accountDisplayName")
    if handle is None and layout.owner:
        where, field = container.where(f"{layout.home}manifest.js"), "userInfo.userName"
        handle, name = layout.owner.get("userName"), layout.owner.get("displayName")
    url = _first(container, layout.profile, "profile").get("avatarMediaUrl")
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


def _first(container: Container, name: str | None, key: str) -> Mapping[str, Any]:
    if name is None:
        return {}
    member: TextMember = text_member(container, name)
    return next((record for _, record in records(member, key, key)), {})


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
            return data if data.startswith(_PICTURES) else None
    return None
