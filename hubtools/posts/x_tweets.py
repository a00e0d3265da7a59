"""The records of an X archive: tweets, their edits, and the long texts beside them.

Seen in archives of 2019 to 2025: `window.YTD.tweets.part0 = [{"tweet": {…}}, …]`, in 2019 without
the inner `tweet`. X escapes `&`, `<` and `>` in a tweet's text, and nothing in a note's. A retweet
is a text that starts with `RT @`; the fields `retweeted` and `truncated` say nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubtools.errors import SourceError
from hubtools.posts.characters import TextMember, language_code, sound, undo_x_escapes
from hubtools.posts.dates import parse_date
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.model import Post

_ASSIGNMENT = re.compile(r"\s*window\.YTD\.(\w+)\.part\d+\s*=\s*")
_LINK_AT_END = re.compile(r"(?:\s*https://t\.co/\w+)*\s*$")

LongTexts = Mapping[datetime, list[str]]


@dataclass(frozen=True, slots=True)
class Tweets:
    """What the files of tweets hold."""

    posts: tuple[Post, ...]
    """Without earlier versions of edited posts."""
    records: int
    superseded: int


def kind_of(opening: str) -> str | None:
    """Which file of an archive starts like this: `tweets`, `follower`, …; None for other text."""
    found = _ASSIGNMENT.match(opening)
    return found[1] if found else None


def read_tweets(members: Iterable[TextMember], long_texts: LongTexts) -> Tweets:
    """The posts in these files, in their order; an edited one once, in its last version.

    Raises SourceError with member and line.
    """
    posts: list[Post] = []
    versions: list[list[str]] = []
    for member in members:
        for line, tweet in records(member, "tweets", "tweet"):
            posts.append(_post(tweet, f"{member.where}:{line}", long_texts))
            if len(edits := _versions(tweet)) > 1:
                versions.append(edits)
    superseded = _superseded(versions, {post.id for post in posts})
    kept = tuple(post for post in posts if post.id not in superseded)
    return Tweets(kept, len(posts), len(posts) - len(kept))


def read_long_texts(members: Iterable[TextMember]) -> LongTexts:
    """The whole texts of long posts, by the second in which they were made."""
    found = defaultdict(list)
    for member in members:
        for _, note in records(member, "note_tweet", "noteTweet"):
            core, created = note.get("core"), parse_date(note.get("createdAt"))
            text = core.get("text") if isinstance(core, dict) else None
            if created is not None and isinstance(text, str):
                found[created.replace(microsecond=0)].append(sound(text))
    return found


def records(member: TextMember, kind: str, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The records of one file, out of their `key` where they stand in one, each with its line."""
    with member.open() as text:
        stream = JsonStream(text, member.where, member.container.limits.record)
        found = stream.skip(_ASSIGNMENT)
        if found and found[1].rstrip("s") != kind.rstrip("s"):
            raise SourceError(
                f"is the archive's list of '{found[1]}', not of '{kind}'",
                where=member.where,
                fix="Name the archive itself, or its tweets.js",
            )
        for line, value in stream.values():
            inner = value.get(key, value) if isinstance(value, dict) else None
            if not isinstance(inner, dict):
                raise SourceError(f"is no {key}", where=f"{member.where}:{line}")
            yield line, inner


def _post(tweet: Mapping[str, Any], where: str, long_texts: LongTexts) -> Post:
    raw = tweet.get("full_text", tweet.get("text"))
    if not isinstance(raw, str):
        raise SourceError("has a tweet without text (full_text)", where=where)
    text = undo_x_escapes(sound(raw))
    created = parse_date(tweet.get("created_at"))
    return Post(
        id=str(tweet.get("id_str") or tweet.get("id") or ""),
        text=_completed(text, long_texts.get(created, ()) if created else ()),
        created=created,
        repost=text.startswith("RT @"),
        language=language_code(tweet.get("lang")),
    )


def _completed(text: str, candidates: Iterable[str]) -> str:
    """The long text of which `text` is the start, or `text`.

    A tweet shows some 275 characters of a long post, then `…` and perhaps a link.
    """
    shown = _LINK_AT_END.sub("", text).rstrip("…").rstrip()
    longest = max(candidates, key=lambda long: _shared(shown, long), default="")
    if len(longest) > len(shown) and 2 * _shared(shown, longest) > len(shown):
        return longest
    return text


def _shared(left: str, right: str) -> int:
    """How many characters two texts have in common at their start."""
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _versions(tweet: Mapping[str, Any]) -> list[str]:
    """`editTweetIds`, oldest first: of a first version, or of a later one."""
    info = tweet.get("edit_info")
    for path in (("initial",), ("edit", "editControlInitial")):
        control = info
        for key in path:
            control = control.get(key) if isinstance(control, dict) else None
        ids = control.get("editTweetIds") if isinstance(control, dict) else None
        if isinstance(ids, list):
            return [str(version) for version in ids]
    return []


def _superseded(histories: Iterable[list[str]], present: set[str]) -> set[str]:
    """The versions after which a later one is there."""
    return {
        version
        for history in histories
        for version in [version for version in history if version in present][:-1]
    }
