"""Posts as a table: CSV with a header, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from hubtools.errors import SourceError
from hubtools.posts.characters import TextMember, opening, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.fields import TEXT, Row, gather, read_row
from hubtools.posts.model import Timeline

_SEPARATORS = (",", ";", "\t")
_FIX = "Look for a quotation mark that is missing or not doubled, or export the table again"


def recognise(container: Container) -> bool:
    """Whether this is a text file whose first line has columns, or is a column of posts."""
    if not isinstance(container, FileContainer):
        return False
    start = opening(container, container.names[0])
    header = start.splitlines()[0] if start.strip() else ""
    if "\0" in start or header.lstrip().startswith("<"):
        return False
    columns = _columns(header, _separator(header))
    return len(columns) > 1 or columns[0] in TEXT


def read(source: str, container: Container) -> Timeline:
    """The one account's posts in a table; `fields` says which columns are read.

    Raises SourceError with the line.
    """
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    with _field_limit(container.limits.field), member.open() as text:
        account, posts = gather(_rows(member, text))
    return Timeline(source, digest.hexdigest(), account, posts, member.notes)


def _rows(member: TextMember, text: TextIO) -> Iterator[Row]:
    header = text.readline()
    separator = _separator(header)
    columns = _columns(header, separator)
    if not any(name in columns for name in TEXT):
        raise SourceError(
            f"has no column 'full_text' or 'text' (it has: {', '.join(columns)[:300]})",
            where=f"{member.where}:1",
            fix="Rename the column that holds the posts to 'text'",
        )
    for line, cells in _cells(member, text, separator):
        if len(cells) != len(columns):
            raise SourceError(
                f"has {len(cells)} columns where the header has {len(columns)}",
                where=f"{member.where}:{line}",
                fix=_FIX,
            )
        # The first of two columns with the same name is the one that counts.
        record = dict(zip(reversed(columns), reversed(cells), strict=True))
        yield read_row(record, f"{member.where}:{line}")


def _cells(member: TextMember, text: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with the line on which it starts."""
    reader = csv.reader(text, delimiter=separator, strict=True)
    line = 2
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 2
    except csv.Error as error:
        raise SourceError(
            f"a row starts here that is not valid CSV: {error}",
            where=f"{member.where}:{line}",
            fix=_FIX,
        ) from error


def _columns(header: str, separator: str) -> Sequence[str]:
    try:
        cells = next(csv.reader([header], delimiter=separator), [])
    except csv.Error:
        cells = [header]
    return [cell.strip().lower() for cell in cells] or [""]


def _separator(header: str) -> str:
    """The separator under which the header has a column of posts, else the commonest."""
    for separator in _SEPARATORS:
        if any(name in TEXT for name in _columns(header, separator)):
            return separator
    return max(_SEPARATORS, key=header.count)


@contextmanager
def _field_limit(limit: int) -> Iterator[None]:
    """The csv module has one limit for the process; it is put back."""
    before = csv.field_size_limit(limit)
    try:
        yield
    finally:
        csv.field_size_limit(before)
