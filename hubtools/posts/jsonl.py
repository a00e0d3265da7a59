"""Posts as JSON Lines, or as one JSON array: X's API dumps (1.1, or 2 as twarc flattens it) too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, opening, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.fields import read_row
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts
from hubtools.posts.table import Row, Source, timeline


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a file that starts as a JSON object or array."""
    if not isinstance(container, FileContainer):
        return False
    return opening(container, container.names[0]).lstrip()[:1] in ("{", "[")


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The one account's posts in a JSON file; `fields` says which fields are read.

    Raises SourceError with the line.
    """
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    rows = partial(_rows, member, options.text_column)
    return timeline(Source(source, container, digest.hexdigest(), rows, member.notes), options)


def _rows(member: TextMember, text_column: str | None) -> Iterator[Row]:
    with member.open() as text:
        stream = JsonStream(text, member.where, member.container.limits.record)
        for line, value in stream.values():
            if not isinstance(value, dict):
                raise SourceError(
                    "is no JSON object",
                    where=f"{member.where}:{line}",
                    fix="Each record needs fields, one of them 'text'",
                )
            yield read_row(value, f"{member.where}:{line}", text_column)
