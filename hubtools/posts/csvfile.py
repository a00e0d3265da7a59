"""Posts as a table: CSV with a header, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, opening, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.fields import read_row, text_field
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts
from hubtools.posts.table import Row, Source, timeline

_SEPARATORS = (",", ";", "\t")
_FIX = "Look for a quotation mark that is missing or not doubled, or export the table again"
_SAMPLE = 20
_WORDS = 4


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a text file whose first line names columns, one of them of posts or not."""
    if not isinstance(container, FileContainer):
        return False
    start = opening(container, container.names[0])
    lines = start.splitlines()
    if not start.strip() or "\0" in start or start.lstrip().startswith("<"):
        return False
    separator = _separator(lines[0], options.text_column)
    columns = _columns(lines[0], separator)
    if text_field(columns, options.text_column) is not None:
        return True
    return len(columns) > 1 and _is_header(columns) and _is_table(lines, separator, len(columns))


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The one account's posts in a table; `fields` says which columns are read.

    Raises SourceError with the line.
    """
    return read_table(source, container, container.names[0], options)


def read_table(source: str, container: Container, name: str, options: ReadOptions) -> AccountPosts:
    """The same for one member of an archive."""
    digest = hashlib.sha256()
    member = text_member(container, name, digest)
    rows = partial(_rows, member, options.text_column)
    return timeline(Source(source, container, digest.hexdigest(), rows, member.notes), options)


def _rows(member: TextMember, text_column: str | None) -> Iterator[Row]:
    with member.open() as text:
        header = text.readline(member.container.limits.field)
        separator = _separator(header, text_column)
        columns = _columns(header, separator)
        if text_field(columns, text_column) is None:
            raise _no_text(columns, f"{member.where}:1", text_column)
        for line, cells in _cells(member, text, separator):
            if len(cells) != len(columns):
                raise SourceError(
                    f"has {len(cells)} columns where the header has {len(columns)}",
                    where=f"{member.where}:{line}",
                    fix=_FIX,
                )
            # The first of two columns with the same name is the one that counts.
            record = dict(zip(reversed(columns), reversed(cells), strict=True))
            yield read_row(record, f"{member.where}:{line}", text_column)


def _no_text(columns: Sequence[str], where: str, text_column: str | None) -> SourceError:
    sought = f"{text_column!r}" if text_column else "'full_text' or 'text'"
    return SourceError(
        f"has no column {sought} (it has: {', '.join(columns)[:300]})",
        where=where,
        fix="Say which column holds the posts: --text-column NAME",
    )


def _cells(member: TextMember, text: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with the line on which it starts."""
    reader = csv.reader(text, delimiter=separator, strict=True)
    line = 2
    while True:
        try:
            with _field_limit(member.container.limits.field):
                cells = next(reader, None)
        except csv.Error as error:
            raise SourceError(
                f"a row starts here that is not valid CSV: {error}",
                where=f"{member.where}:{line}",
                fix=_FIX,
            ) from error
        if cells is None:
            return
        if cells:
            yield line, cells
        line = reader.line_num + 2


def _columns(header: str, separator: str) -> Sequence[str]:
    try:
        cells = next(csv.reader([header], delimiter=separator), [])
    except csv.Error:
        cells = [header]
    return [cell.strip().lower() for cell in cells] or [""]


def _separator(header: str, text_column: str | None) -> str:
    """The separator under which the header has a column of posts, else the commonest."""
    for separator in _SEPARATORS:
        if text_field(_columns(header, separator), text_column) is not None:
            return separator
    return max(_SEPARATORS, key=header.count)


def _is_header(columns: Sequence[str]) -> bool:
    """Whether these can be names of columns: short, all different, none empty."""
    return len(set(columns)) == len(columns) and all(
        column and len(column.split()) <= _WORDS and len(column) < 60 for column in columns
    )


def _is_table(lines: Sequence[str], separator: str, width: int) -> bool:
    """Whether the rows after the header have its width, so that sentences are no table."""
    try:
        rows = list(csv.reader(lines[1 : 1 + _SAMPLE], delimiter=separator))
    except csv.Error:
        return True
    return any(len(row) == width for row in rows) if rows else True


@contextmanager
def _field_limit(limit: int) -> Iterator[None]:
    """The csv module has one limit for the process; it is put back at once."""
    before = csv.field_size_limit(limit)
    try:
        yield
    finally:
        csv.field_size_limit(before)
