"""The records of an X archive: tweets, their edits, and the long texts beside them.

Seen in archives of 2019 to 2025: `window.YTD.tweets.part0 = [{"tweet": {…}}, …]`, in 2019 without
the inner `tweet`. X escapes `&`, `<` and `>` in a tweet's text, and nothing in a note's. A retweet
is a text that starts with `RT @`; the fields `retweeted` and `truncated` say nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.characters import TextMember, language_code, sound
from hubtools.posts.dates import parse_date
from hubtools.posts.js_literals import RelaxedText
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.post import Post
from hubtools.posts.table import Row
from hubtools.posts.x_text import is_typed_repost, own_words

_ASSIGNMENT = re.compile(r"\s*window\.YTD\.(\w+)\.part\d+\s*=\s*")
_LINK_AT_END = re.compile(r"(?:\s*https://t\.co/\w+)*\s*$")

LongTexts = Mapping[datetime, list[str]]


@dataclass(frozen=True, slots=True)
class JsFile:
    """One `.js` file of an archive."""

    member: TextMember
    relaxed: bool = False
    """A formatter has been through: keys without quotes, commas before brackets."""

    def open(self) -> TextIO:
        """Its characters, as JSON after the assignment."""
        text = self.member.open()
        limit = self.member.container.limits.record
        return RelaxedText(text, self.member.where, limit) if self.relaxed else text


def kind_of(opening: str) -> str | None:
    """Which file of an archive starts like this: `tweets`, `follower`, …; None for other text."""
    found = _ASSIGNMENT.match(opening)
    return found[1] if found else None


def tweet_rows(files: Iterable[JsFile], long_texts: LongTexts) -> Iterator[Row]:
    """The posts in these files, in their order, with all versions of edited ones.

    Raises SourceError with member and line.
    """
    for file in files:
        for line, tweet in records(file, "tweets", "tweet"):
            where = f"{file.member.where}:{line}"
            post = _post(tweet, where, long_texts)
            yield Row(post, None, "x", where, versions=_versions(tweet))


def read_long_texts(files: Iterable[JsFile]) -> LongTexts:
    """The whole texts of long posts, by the second in which they were made."""
    found = defaultdict(list)
    for file in files:
        for _, note in records(file, "note_tweet", "noteTweet"):
            core, created = note.get("core"), parse_date(note.get("createdAt"))
            text = core.get("text") if isinstance(core, dict) else None
            if created is not None and isinstance(text, str):
                found[created.replace(microsecond=0)].append(sound(text))
    return found


def records(file: JsFile, kind: str, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The records of one file, out of their `key` where they stand in one, each with its line."""
    member = file.member
    with file.open() as text:
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
    number = sound(str(tweet.get("id_str") or tweet.get("id") or ""))
    text, cut = own_words(tweet, raw, number)
    created = parse_date(tweet.get("created_at"))
    long = _completed(text, long_texts.get(created, ()) if created else ())
    reply = tweet.get("in_reply_to_status_id_str") or tweet.get("in_reply_to_status_id")
    return Post(
        id=number,
        text=long or text,
        created=created,
        repost=is_typed_repost(text),
        language=language_code(tweet.get("lang")),
        reply_to=sound(str(reply)) if reply else None,
        truncated=cut and long is None,
    )


def _completed(text: str, candidates: Sequence[str]) -> str | None:
    """The long text of which `text` is the start.

    A tweet shows some 275 characters of a long post, then `…` and perhaps a link.
    """
    if not candidates:
        return None
    shown = _LINK_AT_END.sub("", text).rstrip("…").rstrip()
    longest = max(candidates, key=lambda long: _shared(shown, long), default="")
    if len(longest) > len(shown) and 2 * _shared(shown, longest) > len(shown):
        return longest
    return None


def _shared(left: str, right: str) -> int:
    """How many characters two texts have in common at their start."""
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _versions(tweet: Mapping[str, Any]) -> tuple[str, ...]:
    """`editTweetIds`, oldest first: of a first version, or of a later one."""
    info = tweet.get("edit_info")
    for path in (("initial",), ("edit", "editControlInitial")):
        control = info
        for key in path:
            control = control.get(key) if isinstance(control, dict) else None
        ids = control.get("editTweetIds") if isinstance(control, dict) else None
        if isinstance(ids, list):
            return tuple(map(str, ids))
    return ()
