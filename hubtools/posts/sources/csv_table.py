"""Posts as a table: CSV with a header, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import PostRecord, file_reader
from hubtools.posts.formats.characters import TextMember, file_start
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.fields import read_record, text_field
from hubtools.posts.options import ReadOptions
from hubtools.posts.source import FileSource

_SEPARATORS = (",", ";", "\t")
_FIX = "Look for a quotation mark that is missing or not doubled, or export the table again"
_SAMPLED_ROWS = 20
_HEADER_WORDS = 4


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a text file with a header, whether or not a column for posts is known."""
    start = file_start(container)
    lines = start.splitlines()
    if not start.strip() or "\0" in start or start.lstrip().startswith("<"):
        return False
    separator = _separator(lines[0], options.text_column)
    columns = _columns(lines[0], separator)
    if text_field(columns, options.text_column) is not None:
        return True
    return len(columns) > 1 and _is_header(columns) and _is_table(lines, separator, len(columns))


def table_records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    """The posts in a table; `formats.fields` says which columns are read."""
    text_column = options.text_column
    with member.open() as text:
        header = text.readline(member.container.limits.field)
        separator = _separator(header, text_column)
        columns = _columns(header, separator)
        if text_field(columns, text_column) is None:
            raise _no_text_column(columns, f"{member.where}:1", text_column)
        for line, cells in _cells(member, text, separator):
            if len(cells) != len(columns):
                raise SourceError(
                    f"has {len(cells)} columns, the header {len(columns)}",
                    where=f"{member.where}:{line}",
                    fix=_FIX,
                )
            # Of two columns with the same name, the first wins.
            record = dict(zip(reversed(columns), reversed(cells), strict=True))
            yield read_record(record, f"{member.where}:{line}", text_column)


def _no_text_column(columns: Sequence[str], where: str, text_column: str | None) -> SourceError:
    sought = f"{text_column!r}" if text_column else "'full_text' or 'text'"
    return SourceError(
        f"has no column {sought} (its columns: {', '.join(columns)[:300]})",
        where=where,
        fix="Name the column that holds the posts with --text-column",
    )


def _cells(member: TextMember, text: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with the line it starts on."""
    reader = csv.reader(text, delimiter=separator, strict=True)
    line = 2
    while True:
        try:
            with _field_limit(member.container.limits.field):
                cells = next(reader, None)
        except csv.Error as error:
            raise SourceError(
                f"starts a row that is not valid CSV: {error}",
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
    """The separator that gives the header a column of posts, else the most frequent one."""
    for separator in _SEPARATORS:
        if text_field(_columns(header, separator), text_column) is not None:
            return separator
    return max(_SEPARATORS, key=header.count)


def _is_header(columns: Sequence[str]) -> bool:
    """Whether these look like column names: short, unique, not empty."""
    return len(set(columns)) == len(columns) and all(
        column and len(column.split()) <= _HEADER_WORDS and len(column) < 60 for column in columns
    )


def _is_table(lines: Sequence[str], separator: str, width: int) -> bool:
    """Whether any row after the header has its width; sentences with commas rarely do."""
    try:
        rows = list(csv.reader(lines[1 : 1 + _SAMPLED_ROWS], delimiter=separator))
    except csv.Error:
        return True
    return any(len(row) == width for row in rows) if rows else True


@contextmanager
def _field_limit(limit: int) -> Iterator[None]:
    before = csv.field_size_limit(limit)
    try:
        yield
    finally:
        csv.field_size_limit(before)


SOURCE = FileSource(
    name="csv",
    description="CSV with a header",
    recognize=recognize,
    read=file_reader(table_records),
    order=95,
)
