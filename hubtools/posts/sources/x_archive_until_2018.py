"""X's archive as it was from 2012 to 2018: a file for each month, and a table of all posts.

`data/js/tweets/2013_01.js` is `Grailbird.data.tweets_2013_01 = [{…}, …]` with the fields of API
1.1, `data/js/user_details.js` is `var user_details = {…}`, and `tweets.csv` has the same posts; it
is read if there are no monthly files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hubtools.posts.formats.account_records import PostRecord, read_members
from hubtools.posts.formats.characters import TextMember, file_start, text_member
from hubtools.posts.formats.container import Container, FileContainer
from hubtools.posts.formats.fields import read_record
from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.formats.values import mapping, text_or_none
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.source import FileSource
from hubtools.posts.sources.csv_table import table_records

_MONTH = re.compile(r"((?:[^/]+/)*?)(?:data/js/tweets/|tweets/|)\d{4}_\d{2}\.js")
_ASSIGNMENT = re.compile(r"\s*Grailbird\.data\.tweets_\w+\s*=\s*")
_DETAILS = re.compile(r"\s*var\s+user_details\s*=\s*")
_TABLE = "tweets.csv"


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is such an archive's zip or folder, or one of its monthly files."""
    if isinstance(container, FileContainer):
        return _ASSIGNMENT.match(file_start(container)) is not None
    return bool(_months(container) or _tables(container))


def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The posts of all months, oldest month first. Raises SourceError with member and line."""
    if isinstance(container, FileContainer):
        return read_members(path, container, container.names, options, _records)
    account = _account(container)
    months = _months(container)
    if not months:
        table = container.only(_tables(container))
        found = read_members(path, container, (table,), options, table_records)
        return replace(found, account=account or found.account)
    container.only(sorted({name.rpartition("/")[0] for name in months}))
    return read_members(path, container, months, options, _records, account)


def _months(container: Container) -> Sequence[str]:
    return sorted(name for name in container.names if _MONTH.fullmatch(name))


def _tables(container: Container) -> Sequence[str]:
    return [
        name for name in container.names if name in (_TABLE, f"{name.partition('/')[0]}/{_TABLE}")
    ]


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    with JsonStream(member) as stream:
        stream.skip(_ASSIGNMENT)
        for where, tweet in stream.objects("a tweet", "Download the archive again"):
            yield read_record(tweet, where, network="x")


def _account(container: Container) -> Account | None:
    names = [name for name in container.names if f"/{name}".endswith("/user_details.js")]
    if not names:
        return None
    member = text_member(container, names[0])
    with JsonStream(member) as stream:
        stream.skip(_DETAILS)
        details = mapping(stream.value())
    handle = details.get("screen_name")
    return Account(
        network="x",
        handle=checked_handle(str(handle), "x", member.where, "screen_name") if handle else None,
        name=text_or_none(details.get("full_name")),
    )


SOURCE = FileSource(
    name="x-archive-until-2018",
    description="an archive from X of 2012 to 2018",
    recognize=recognize,
    read=read,
    order=20,
)
