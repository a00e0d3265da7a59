"""Posts that continue each other: a person's answers to themself, one soon after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hubtools.posts.model import Post

WITHIN = timedelta(minutes=15)
"""Between a part and the next one."""
LONGEST = 1_000
"""Characters of the parts together; what goes on after that starts a text of its own."""

_NUMBER = r"[(\[]?(\d{1,3})\s?(?:/\s?(?:\d{1,3}|[nNxX])?|\))[)\]]?"
_FIRST = re.compile(rf"\s*{_NUMBER}[:.]?(?:\s+|$)")
_LAST = re.compile(rf"(?:^|\s+){_NUMBER}\s*$")


@dataclass(frozen=True, slots=True)
class _Part:
    place: int
    post: Post


def threads(posts: Iterable[Post]) -> tuple[tuple[int, ...], ...]:
    """The places in `posts` of each thread's parts, the first part first.

    A part answers the one before it within 15 minutes, and is the first to do so; a person's other
    answers to it stay posts of their own. Ids that stand twice, dates that are missing and posts
    that are cut off join nothing. `posts` is gone through three times, and only threads are held
    in memory.
    """
    wanted = {post.reply_to for post in posts if post.reply_to is not None and not post.repost}
    answered = Counter(post.id for post in posts if post.id in wanted)
    parts = {
        post.id: _Part(place, post)
        for place, post in enumerate(posts)
        if (post.id in answered or post.reply_to in answered)
        and _can_join(post)
        and answered[post.id] < 2
    }
    continued = _continued(parts)
    later = {part.place for part in continued.values()}
    chains = (
        _chain(part, continued)
        for part in parts.values()
        if part.place not in later and part.place in continued
    )
    return tuple(piece for chain in chains for piece in _pieces(chain))


def _can_join(post: Post) -> bool:
    return not post.repost and not post.truncated and post.created is not None


def _continued(parts: dict[str, _Part]) -> dict[int, _Part]:
    """For the place of each part that goes on, the part in which it does."""
    found: dict[int, _Part] = {}
    for part in parts.values():
        before = parts.get(part.post.reply_to or "")
        if before is None or before.place == part.place or not _soon(before.post, part.post):
            continue
        rival = found.get(before.place)
        if rival is None or _order(part) < _order(rival):
            found[before.place] = part
    return found


def _soon(before: Post, after: Post) -> bool:
    if before.created is None or after.created is None:
        return False
    return timedelta(0) <= after.created - before.created <= WITHIN


def _order(part: _Part) -> tuple[object, ...]:
    created = part.post.created
    return (created.timestamp() if created else 0.0, part.post.id.rjust(20), part.place)


def _chain(part: _Part, continued: dict[int, _Part]) -> list[_Part]:
    chain = [part]
    while (following := continued.get(chain[-1].place)) is not None:
        chain.append(following)
    return chain


def _pieces(chain: Sequence[_Part]) -> Iterable[tuple[int, ...]]:
    """The chain cut so that no piece is longer than it may be; single posts are no thread."""
    piece: list[int] = []
    length = 0
    for part in chain:
        if piece and length + len(part.post.text) > LONGEST:
            yield from (tuple(piece),) if len(piece) > 1 else ()
            piece, length = [], 0
        piece.append(part.place)
        length += len(part.post.text)
    yield from (tuple(piece),) if len(piece) > 1 else ()


def join(texts: Sequence[str]) -> str:
    """The parts' texts as one, a line apart, without the numbers that only counted them.

    A number counts when the part of that number, and at least one other, carries it. A part that
    breaks off with dots is continued on its line.
    """
    numbered = [_without_number(text, number) for number, text in enumerate(texts, 1)]
    if sum(text is not None for text in numbered) > 1:
        texts = [old if new is None else new for old, new in zip(texts, numbered, strict=True)]
    joined = ""
    for text in filter(None, (text.strip() for text in texts)):
        joined = _joined(joined, text) if joined else text
    return joined


def _without_number(text: str, number: int) -> str | None:
    """`text` without its number as a part; None when it has not this number."""
    if (found := _FIRST.match(text)) is not None and int(found[1]) == number:
        return text[found.end() :]
    if (found := _LAST.search(text[-24:])) is not None and int(found[1]) == number:
        return text[: len(text) - len(found[0])].rstrip()
    return None


def _joined(before: str, after: str) -> str:
    for dots in ("...", "…"):
        if before.endswith(dots) and (after.startswith((dots, "..")) or after[:1].islower()):
            return f"{before.removesuffix(dots).rstrip()} {after.lstrip('.… ')}"
    return f"{before}\n\n{after}"
