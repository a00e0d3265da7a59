"""Posts as plain text.

Blank lines separate the posts where there are any, so that a post may have several lines;
otherwise each line is a post.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, opening, sound, text_member
from hubtools.posts.container import Container, FileContainer
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts, Post
from hubtools.posts.table import Row, Source, timeline
from hubtools.posts.x_text import is_typed_repost

_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a file of characters, and neither marked up nor JSON."""
    if not isinstance(container, FileContainer):
        return False
    start = opening(container, container.names[0]).lstrip()
    return bool(start) and start[0] not in "<{[" and not _NO_TEXT.search(start)


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The posts in a text; whose they are it does not say.

    Raises SourceError with the line of a post that is too long.
    """
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    in_blocks = any(not line for _, line in _lines(member))
    rows = partial(_rows, member, in_blocks)
    notes = member.notes
    if in_blocks:
        notes = (*notes, "Blank lines were taken for what separates the posts.")
    return timeline(Source(source, container, digest.hexdigest(), rows, notes), options)


def _rows(member: TextMember, in_blocks: bool) -> Iterator[Row]:
    groups = _blocks(member) if in_blocks else _lines(member)
    for number, text in groups:
        post = Post(id=str(number), text=sound(text), repost=is_typed_repost(text))
        yield Row(post, None, "file", f"{member.where}:{number}")


def _blocks(member: TextMember) -> Iterator[tuple[int, str]]:
    """What stands between blank lines, with the number of its first line."""
    block: list[str] = []
    start = size = 0
    for number, line in _lines(member):
        if line:
            start = start if block else number
            block.append(line)
            size += len(line)
            _check(member, number, size)
        elif block:
            yield start, "\n".join(block)
            block, size = [], 0
    if block:
        yield start, "\n".join(block)


def _lines(member: TextMember) -> Iterator[tuple[int, str]]:
    """The lines without spaces around them; an empty one for blank lines between two others."""
    limit = member.container.limits.record
    seen = gap = False
    with member.open() as text:
        number = 0
        while line := text.readline(limit + 1):
            number += 1
            _check(member, number, len(line))
            words = line.strip()
            if not words:
                gap = seen
                continue
            if gap:
                yield number - 1, ""
            seen, gap = True, False
            yield number, words


def _check(member: TextMember, line: int, size: int) -> None:
    limit = member.container.limits.record
    if size > limit:
        raise SourceError(
            f"has a post of more than {limit:,} characters",
            where=f"{member.where}:{line}",
            fix="Put each post on a line of its own",
        )
