"""Threads: a person's replies to their own posts, each soon after the other."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hubtools.posts.post import Post

WITHIN = timedelta(minutes=15)
"""The longest time between two parts."""
LONGEST = 1_000
"""Characters of all parts together; parts beyond that start a new text."""

_NUMBER = r"[(\[]?(\d{1,3})\s?(?:/\s?(?:\d{1,3}|[nNxX])?|\))[)\]]?"
_FIRST = re.compile(rf"\s*{_NUMBER}[:.]?(?:\s+|$)")
_LAST = re.compile(rf"(?:^|\s+){_NUMBER}\s*$")


@dataclass(frozen=True, slots=True)
class Part:
    place: int
    post: Post


@dataclass(frozen=True, slots=True)
class Replies:
    """What one pass over the posts finds out about replies."""

    any: bool
    """Whether the source marks any post as a reply."""
    parents: Mapping[int, int]
    """The hash of each id that a post here replies to, and how many posts here have that id."""

    def may_join(self, post: Post) -> bool:
        """Whether the post is a reply to one of these posts, or has a reply among them."""
        if post.repost or post.truncated or post.created is None:
            return False
        is_reply = post.reply_to is not None and hash(post.reply_to) in self.parents
        return is_reply or hash(post.id) in self.parents


def find_replies(posts: Iterable[Post]) -> Replies:
    """Find the replies in one pass, which takes eight bytes for each post and reply."""
    own = array("q")
    wanted: set[int] = set()
    for post in posts:
        own.append(hash(post.id))
        if post.reply_to is not None and not post.repost:
            wanted.add(hash(post.reply_to))
    return Replies(bool(wanted), Counter(id for id in own if id in wanted))


def threads(posts: Iterable[Post], replies: Replies) -> tuple[tuple[Part, ...], ...]:
    """The parts of each thread in order; `replies` are those of `posts`.

    A part is the first reply to the one before it, within 15 minutes; other replies to that one
    stay separate posts. Posts with duplicate ids, without dates, and truncated posts join nothing.
    Only posts that may join are held in memory.
    """
    if not replies.parents:
        return ()
    parts = {
        post.id: Part(place, post)
        for place, post in enumerate(posts)
        if replies.may_join(post) and replies.parents.get(hash(post.id), 1) == 1
    }
    continued = _continued(parts)
    later = {part.place for part in continued.values()}
    chains = (
        _chain(part, continued)
        for part in parts.values()
        if part.place not in later and part.place in continued
    )
    return tuple(piece for chain in chains for piece in _pieces(chain))


def _continued(parts: dict[str, Part]) -> dict[int, Part]:
    """The next part, by the place of each part that has one."""
    found: dict[int, Part] = {}
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


def _order(part: Part) -> tuple[object, ...]:
    created = part.post.created
    return (created.timestamp() if created else 0.0, part.post.id.rjust(20), part.place)


def _chain(part: Part, continued: dict[int, Part]) -> list[Part]:
    chain = [part]
    while (following := continued.get(chain[-1].place)) is not None:
        chain.append(following)
    return chain


def _pieces(chain: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    """The chain in pieces of the allowed length; single posts are not a thread."""
    piece: list[Part] = []
    length = 0
    for part in chain:
        if piece and length + len(part.post.text) > LONGEST:
            if len(piece) > 1:
                yield tuple(piece)
            piece, length = [], 0
        piece.append(part)
        length += len(part.post.text)
    if len(piece) > 1:
        yield tuple(piece)


def join(texts: Sequence[str]) -> str:
    """The parts' texts as one, separated by blank lines, without part numbers.

    Numbers are part numbers if at least two parts have the right one. A part that ends in dots
    continues on the same line.
    """
    numbered = [_without_number(text, number) for number, text in enumerate(texts, 1)]
    if sum(text is not None for text in numbered) > 1:
        texts = [old if new is None else new for old, new in zip(texts, numbered, strict=True)]
    joined = ""
    for text in filter(None, (text.strip() for text in texts)):
        joined = _joined(joined, text) if joined else text
    return joined


def _without_number(text: str, number: int) -> str | None:
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
