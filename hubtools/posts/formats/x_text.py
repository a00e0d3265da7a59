"""A post's own words in the text that X stores, in archives and API dumps alike.

X escapes `&`, `<` and `>`. A quote post ends in a link to the quoted post, which `entities.urls`
expands. Truncated text ends in `…`, often with a link to the whole post.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubtools.posts.formats.values import encodable, mapping, objects

_STATUS = re.compile(
    r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/(?:i/web|\w+)/status(?:es)?/(\d+)/?(?:[?#]\S*)?"
)
_ESCAPES = {"amp": "&", "lt": "<", "gt": ">"}
_ESCAPED = re.compile("&(amp|lt|gt);")
_REPOST = re.compile(r"\s*RT\s?@\w")
_LINKS_AT_END = re.compile(r"(?:\s*https?://t\.co/\w+)*\s*$")
_LONG = 130
"""Characters from which a text ending in `…` counts as truncated: X cut at 140, later at 280."""


def unescape(text: str) -> str:
    """`text` without X's escapes `&amp;`, `&lt;` and `&gt;`, undone in one pass."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[1]], text)


def own_words(record: Mapping[str, Any], raw: str, own_id: str) -> tuple[str, bool]:
    """The unescaped text of `record` without the link to a quoted post; whether it is truncated."""
    text = encodable(raw)
    cut = record.get("truncated") is True or looks_cut(text)
    links = dict(_links(record))
    while links:
        *head, last = text.rsplit(maxsplit=1) or [""]
        before = "".join(head)
        target = _STATUS.fullmatch(links.get(last, ""))
        if target is None:
            break
        cut = cut or (target[1] == own_id and before.rstrip().endswith("…"))
        text = before.rstrip()
    return unescape(text), cut


def is_typed_repost(text: str) -> bool:
    """Whether a text is a repost: it starts with `RT @name`, written by X or typed by hand."""
    return _REPOST.match(text) is not None


def looks_cut(text: str) -> bool:
    """Whether a long text ends in `…`, ignoring links after it."""
    if "…" not in text:
        return False
    shown = _LINKS_AT_END.sub("", text)
    return len(shown) >= _LONG - 25 and len(text) >= _LONG and shown.endswith("…")


def _links(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for url in objects(mapping(record.get("entities")).get("urls")):
        short, long = url.get("url"), url.get("expanded_url")
        if isinstance(short, str) and isinstance(long, str):
            yield short, long
