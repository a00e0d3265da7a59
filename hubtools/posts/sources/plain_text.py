"""Posts as plain text: separated by blank lines if there are any, else one a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import PostRecord, read_members
from hubtools.posts.formats.characters import TextMember, file_start, text_member
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.values import encodable
from hubtools.posts.formats.x_text import is_typed_repost
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts, Post
from hubtools.posts.source import FileSource

_BINARY = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a text file that is neither markup nor JSON."""
    start = file_start(container).lstrip()
    return bool(start) and start[0] not in "<{[" and not _BINARY.search(start)


def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The posts in a text, which does not name its author.

    Raises SourceError with the line of a post that is too long.
    """
    found = read_members(path, container, container.names, options, _records)
    if not _has_blank_lines(text_member(container, container.names[0])):
        return found
    return replace(found, notes=(*found.notes, "Posts are separated by blank lines."))


def _has_blank_lines(member: TextMember) -> bool:
    return any(not line for _, line in _lines(member))


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    for number, text in _blocks(member) if _has_blank_lines(member) else _lines(member):
        post = Post(id=str(number), text=encodable(text), repost=is_typed_repost(text))
        yield PostRecord(post, None, "file", f"{member.where}:{number}")


def _blocks(member: TextMember) -> Iterator[tuple[int, str]]:
    """Blocks of lines between blank lines, each with the number of its first line."""
    block: list[str] = []
    start = size = 0
    for number, line in _lines(member):
        if line:
            start = start if block else number
            block.append(line)
            size += len(line)
            _check_length(member, number, size)
        elif block:
            yield start, "\n".join(block)
            block, size = [], 0
    if block:
        yield start, "\n".join(block)


def _lines(member: TextMember) -> Iterator[tuple[int, str]]:
    """The stripped lines; blank lines between two others come as one empty line."""
    limit = member.container.limits.record
    seen = gap = False
    with member.open() as text:
        number = 0
        while line := text.readline(limit + 1):
            number += 1
            _check_length(member, number, len(line))
            words = line.strip()
            if not words:
                gap = seen
                continue
            if gap:
                yield number - 1, ""
            seen, gap = True, False
            yield number, words


def _check_length(member: TextMember, line: int, size: int) -> None:
    limit = member.container.limits.record
    if size > limit:
        raise SourceError(
            f"has a post of more than {limit:,} characters",
            where=f"{member.where}:{line}",
            fix="Put each post on its own line",
        )


SOURCE = FileSource(
    name="text",
    description="plain text, one post a line",
    recognize=recognize,
    read=read,
    order=99,
)
