"""X's archive ("Download an archive of your data"): a zip, an unpacked folder, or tweets.js alone.

Only tweets, long posts, account, profile and its picture are opened. Direct messages, logins,
contacts and deleted tweets stay closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from hubtools.posts.formats.account_records import RecordSource, select_account
from hubtools.posts.formats.characters import file_start, text_member
from hubtools.posts.formats.container import Container, FileContainer
from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.formats.values import is_image, text_or_none, web_address
from hubtools.posts.formats.x_manifest import XArchiveFiles, find_files, homes
from hubtools.posts.formats.x_tweets import kind_of, objects_in, read_long_texts, tweet_records
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.source import FileSource


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is an archive's zip or folder, or one of its `.js` files."""
    if isinstance(container, FileContainer):
        return kind_of(file_start(container)) is not None
    return bool(homes(container))


def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The posts in an archive; the digest covers tweets and long posts in reading order.

    Raises SourceError with member and line.
    """
    if isinstance(container, FileContainer):
        files = XArchiveFiles("", container.names, (), None, None, None, {})
    else:
        files = find_files(container)
    digest = hashlib.sha256()
    members = [text_member(container, name, digest) for name in files.tweets]
    long_members = [text_member(container, name, digest) for name in files.notes]
    notes = [note for member in members + long_members for note in member.notes]
    account = _account(container, files)
    if account.handle is None:
        notes.append("The archive does not name its account.")
    source = RecordSource(
        name=path,
        digest=digest.hexdigest(),
        records=partial(tweet_records, members, read_long_texts(long_members)),
        account=account,
        expected=files.expected,
        close=container.close,
    )
    found = select_account(source, options)
    return replace(found, notes=(*notes, *found.notes))


def _account(container: Container, files: XArchiveFiles) -> Account:
    about = _first_object(container, files.account, "account")
    where, field = container.where(files.account or "manifest.js"), "username"
    handle, name = about.get("username"), about.get("accountDisplayName")
    if handle is None and files.owner:
        where, field = container.where(f"{files.home}manifest.js"), "userInfo.userName"
        handle, name = files.owner.get("userName"), files.owner.get("displayName")
    profile = _first_object(container, files.profile, "profile")
    url = web_address(profile.get("avatarMediaUrl"))
    return Account(
        network="x",
        handle=checked_handle(str(handle), "x", where, field) if handle is not None else None,
        name=text_or_none(name),
        avatar_url=url,
        avatar=_avatar(container, files, url),
    )


def _first_object(container: Container, name: str | None, key: str) -> Mapping[str, Any]:
    if name is None:
        return {}
    return next((one for _, one in objects_in(text_member(container, name), key, key)), {})


def _avatar(container: Container, files: XArchiveFiles, url: str | None) -> bytes | None:
    """The picture at `url`, which the archive has in `profile_media` as ACCOUNT-NAME."""
    if url is None:
        return None
    wanted = PurePosixPath(url).name
    for name in container.names:
        folder, _, file = name.rpartition("/")
        in_folder = f"{folder}/" == f"{files.home}profile_media/"
        if in_folder and wanted in (file, file.partition("-")[2]):
            data = container.read(name, container.limits.picture)
            return data if is_image(data) else None
    return None


SOURCE = FileSource(
    name="x-archive",
    description="an archive from X (zip, folder or tweets.js)",
    recognize=recognize,
    read=read,
    order=10,
)
