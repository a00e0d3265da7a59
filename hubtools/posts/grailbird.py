"""X's archive as it was from 2012 to 2018: a file for each month, and a table of all posts.

`data/js/tweets/2013_01.js` is `Grailbird.data.tweets_2013_01 = [{…}, …]` with the fields of API
1.1, `data/js/user_details.js` is `var user_details = {…}`, and `tweets.csv` has the same posts; it
is read where the months are missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, opening, sound, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.csvfile import read_table
from hubtools.posts.fields import read_row
from hubtools.posts.handles import checked_handle
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.table import Row, Source, timeline

_MONTH = re.compile(r"((?:[^/]+/)*?)(?:data/js/tweets/|tweets/|)\d{4}_\d{2}\.js")
_ASSIGNMENT = re.compile(r"\s*Grailbird\.data\.tweets_\w+\s*=\s*")
_DETAILS = re.compile(r"\s*var\s+user_details\s*=\s*")
_TABLE = "tweets.csv"


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is such an archive's zip or folder, its table within, or one of its months."""
    if isinstance(container, FileContainer):
        return _ASSIGNMENT.match(opening(container, container.names[0])) is not None
    return bool(_months(container) or _tables(container))


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The timeline in all months, oldest month first. Raises SourceError with member and line."""
    alone = isinstance(container, FileContainer)
    months = container.names if alone else _months(container)
    account = None if alone else _account(container)
    if not months:
        found = read_table(source, container, _one(container, _tables(container)), options)
        return replace(found, account=account or found.account)
    if not alone:
        _one(container, sorted({name.rpartition("/")[0] for name in months}))
    digest = hashlib.sha256()
    members = [text_member(container, name, digest) for name in months]
    notes = tuple(note for member in members for note in member.notes)
    rows = partial(_rows, members)
    return timeline(Source(source, container, digest.hexdigest(), rows, notes, account), options)


def _months(container: Container) -> Sequence[str]:
    return sorted(name for name in container.names if _MONTH.fullmatch(name))


def _tables(container: Container) -> Sequence[str]:
    """The tables of all posts, at the root or in the one folder that was packed."""
    return [
        name for name in container.names if name in (_TABLE, f"{name.partition('/')[0]}/{_TABLE}")
    ]


def _one(container: Container, found: Sequence[str]) -> str:
    if len(found) > 1:
        raise SourceError(
            f"holds more than one archive: {', '.join(found)}"[:400],
            where=container.path,
            fix="Name one of them",
        )
    return found[0]


def _rows(members: Sequence[TextMember]) -> Iterator[Row]:
    for member in members:
        with member.open() as text:
            stream = JsonStream(text, member.where, member.container.limits.record)
            stream.skip(_ASSIGNMENT)
            for line, tweet in stream.values():
                where = f"{member.where}:{line}"
                if not isinstance(tweet, dict):
                    raise SourceError("is no tweet", where=where, fix="Download it again")
                yield read_row(tweet, where, network="x")


def _account(container: Container) -> Account | None:
    """The owner, as `user_details.js` says; None where it is missing."""
    names = [name for name in container.names if f"/{name}".endswith("/user_details.js")]
    if not names:
        return None
    member = text_member(container, names[0])
    with member.open() as text:
        stream = JsonStream(text, member.where, container.limits.record)
        stream.skip(_DETAILS)
        said = stream.value()
    details: Mapping[str, Any] = said if isinstance(said, dict) else {}
    handle, name = details.get("screen_name"), details.get("full_name")
    return Account(
        network="x",
        handle=checked_handle(str(handle), "x", member.where, "screen_name") if handle else None,
        name=sound(name).strip() or None if isinstance(name, str) else None,
    )
