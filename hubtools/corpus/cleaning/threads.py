"""Posts that continue each other: a person's answers to themself, one soon after the other."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hubtools.posts.post import Post

WITHIN = timedelta(minutes=15)
"""Between a part and the next one."""
LONGEST = 1_000
"""Characters of the parts together; what goes on after that starts a text of its own."""

_NUMBER = r"[(\[]?(\d{1,3})\s?(?:/\s?(?:\d{1,3}|[nNxX])?|\))[)\]]?"
_FIRST = re.compile(rf"\s*{_NUMBER}[:.]?(?:\s+|$)")
_LAST = re.compile(rf"(?:^|\s+){_NUMBER}\s*$")


@dataclass(frozen=True, slots=True)
class Part:
    """A post, and its place among the posts."""

    place: int
    post: Post


@dataclass(frozen=True, slots=True)
class Survey:
    """What going through the posts once tells of their answers."""

    any_answers: bool
    """Whether the source says of any post that it is an answer."""
    answered: Mapping[int, int]
    """The hash of each id that a post here answers, and how many posts here have it."""

    def may_join(self, post: Post) -> bool:
        """Whether the post is answered by one of these, or answers one."""
        return _can_join(post) and (hash(post.id) in self.answered or self._answers(post))

    def _answers(self, post: Post) -> bool:
        return post.reply_to is not None and hash(post.reply_to) in self.answered


def survey(posts: Iterable[Post]) -> Survey:
    """Go through the posts once; eight bytes of each are held meanwhile, and the ids answered."""
    own = array("q")
    wanted: set[int] = set()
    for post in posts:
        own.append(hash(post.id))
        if post.reply_to is not None and not post.repost:
            wanted.add(hash(post.reply_to))
    return Survey(bool(wanted), Counter(id for id in own if id in wanted))


def threads(posts: Iterable[Post], known: Survey) -> tuple[tuple[Part, ...], ...]:
    """Each thread's parts, the first part first; what `survey` says of the posts is `known`.

    A part answers the one before it within 15 minutes, and is the first to do so; a person's other
    answers to it stay posts of their own. Ids that stand twice, dates that are missing and posts
    that are cut off join nothing. Only posts that may join are held in memory.
    """
    if not known.answered:
        return ()
    parts = {
        post.id: Part(place, post)
        for place, post in enumerate(posts)
        if known.may_join(post) and known.answered.get(hash(post.id), 1) == 1
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


def _continued(parts: dict[str, Part]) -> dict[int, Part]:
    """For the place of each part that goes on, the part in which it does."""
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
    """The chain cut so that no piece is longer than it may be; single posts are no thread."""
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
