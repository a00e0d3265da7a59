"""The records of an archive from X: tweets, their edits, and the texts of long posts.

Archives of 2019 to 2025 have `window.YTD.tweets.part0 = [{"tweet": {…}}, …]`, in 2019 without the
inner `tweet`. X escapes `&`, `<` and `>` in a tweet, but not in a note (a long post). A retweet
starts with `RT @`; the fields `retweeted` and `truncated` are never set.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import PostRecord
from hubtools.posts.formats.characters import TextMember, language_code
from hubtools.posts.formats.dates import parse_date
from hubtools.posts.formats.javascript import JavaScriptStream
from hubtools.posts.formats.values import encodable, mapping
from hubtools.posts.formats.x_text import is_typed_repost, own_words
from hubtools.posts.post import Post

_ASSIGNMENT = re.compile(r"\s*window\.YTD\.(\w+)\.part\d+\s*=\s*")
_LINK_AT_END = re.compile(r"(?:\s*https://t\.co/\w+)*\s*$")
_FIX = "Download the archive again"

LongTexts = Mapping[datetime, list[str]]


def kind_of(start: str) -> str | None:
    """Which of an archive's files starts like this (`tweets`, `follower`, …); None for others."""
    found = _ASSIGNMENT.match(start)
    return found[1] if found else None


def tweet_records(members: Iterable[TextMember], long_texts: LongTexts) -> Iterator[PostRecord]:
    """The posts in these files in order, with all versions of edited ones.

    Raises SourceError with member and line.
    """
    for member in members:
        for where, tweet in objects_in(member, "tweets", "tweet"):
            post = _post(tweet, where, long_texts)
            yield PostRecord(post, None, "x", where, versions=_versions(tweet))


def read_long_texts(members: Iterable[TextMember]) -> LongTexts:
    """The full texts of long posts, by the second they were written in."""
    found = defaultdict(list)
    for member in members:
        for _, note in objects_in(member, "note_tweet", "noteTweet"):
            created, text = parse_date(note.get("createdAt")), mapping(note.get("core")).get("text")
            if created is not None and isinstance(text, str):
                found[created.replace(microsecond=0)].append(encodable(text))
    return found


def objects_in(member: TextMember, kind: str, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects in one file with their places, unwrapped from `key` if they are wrapped."""
    with JavaScriptStream(member) as stream:
        found = stream.skip(_ASSIGNMENT)
        if found and found[1].rstrip("s") != kind.rstrip("s"):
            raise SourceError(
                f"is the archive's list of '{found[1]}', not '{kind}'",
                where=member.where,
                fix="Pass the archive itself, or its tweets.js",
            )
        for where, value in stream.objects(f"a {key}", _FIX):
            inner = value.get(key, value)
            if not isinstance(inner, dict):
                raise SourceError(f"is not a {key}", where=where, fix=_FIX)
            yield where, inner


def _post(tweet: Mapping[str, Any], where: str, long_texts: LongTexts) -> Post:
    raw = tweet.get("full_text", tweet.get("text"))
    if not isinstance(raw, str):
        raise SourceError("has a tweet without 'full_text'", where=where, fix=_FIX)
    number = encodable(str(tweet.get("id_str") or tweet.get("id") or ""))
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
        reply_to=encodable(str(reply)) if reply else None,
        truncated=cut and long is None,
    )


def _completed(text: str, candidates: Sequence[str]) -> str | None:
    """The long text that starts like `text`.

    A tweet shows about 275 characters of a long post, then `…` and perhaps a link.
    """
    if not candidates:
        return None
    shown = _LINK_AT_END.sub("", text).rstrip("…").rstrip()
    longest = max(candidates, key=lambda long: _shared(shown, long))
    if len(longest) > len(shown) and 2 * _shared(shown, longest) > len(shown):
        return longest
    return None


def _shared(left: str, right: str) -> int:
    """The length of the common prefix."""
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _versions(tweet: Mapping[str, Any]) -> tuple[str, ...]:
    """`editTweetIds`, oldest first, of a first version or a later one."""
    info = mapping(tweet.get("edit_info"))
    for control in (info.get("initial"), mapping(info.get("edit")).get("editControlInitial")):
        ids = mapping(control).get("editTweetIds")
        if isinstance(ids, list):
            return tuple(map(str, ids))
    return ()
