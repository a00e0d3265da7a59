"""Dumps of Mastodon's API: statuses in a list or one a line.

https://docs.joinmastodon.org/entities/Status/: `visibility` says who may see a status.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hubtools.posts.formats.account_records import Author, PostRecord, file_reader
from hubtools.posts.formats.characters import TextMember
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.json_keys import file_key_paths
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.formats.mastodon_status import check_html_length, status_post
from hubtools.posts.formats.values import text_or_none, web_address
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.source import FileSource

_KEYS = frozenset(("content", "visibility", "account.acct"))


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file of statuses."""
    return options.text_column is None and file_key_paths(container) >= _KEYS


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    """All statuses; only public ones, and unlisted ones if `options` asks for them, are public."""
    visible = ("public", "unlisted") if options.unlisted else ("public",)
    with JsonStream(member) as stream:
        for where, status in stream.objects("a status", "Remove it"):
            check_html_length(status.get("content"), where)
            public = status.get("visibility") in visible and status.get("local_only") is not True
            post = status_post(status, text_or_none(status.get("id")) or where.rpartition(":")[2])
            author = _author(status.get("account"), where)
            yield PostRecord(post, author, "mastodon", where, public=public)


def _author(account: object, where: str) -> Author | None:
    """An account of the server that was asked has no host in `acct`, but in its URL."""
    if not isinstance(account, dict):
        return None
    refuse_opted_out(account, where)
    handle = text_or_none(account.get("acct"))
    if handle is None:
        return None
    if "@" not in handle and (host := _host(account.get("url"))):
        handle = f"{handle}@{host}"
    name, avatar = text_or_none(account.get("display_name")), web_address(account.get("avatar"))
    return Author(handle.casefold(), handle, "account.acct", name, avatar)


def _host(url: object) -> str | None:
    try:
        return urlsplit(url).netloc or None if isinstance(url, str) else None
    except ValueError:
        return None


SOURCE = FileSource(
    name="mastodon-api",
    description="a dump of Mastodon's API",
    recognize=recognize,
    read=file_reader(_records),
    order=40,
)
