"""A post's own words in the text that X keeps of it, in archives and API answers alike.

X escapes `&`, `<` and `>`. A quote ends in a link to the quoted post, which `entities.urls` spells
out; a text that was cut ends in `…`, often with a link to the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubtools.posts.characters import sound, undo_x_escapes

_STATUS = re.compile(
    r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/(?:i/web|\w+)/status(?:es)?/(\d+)/?(?:[?#]\S*)?"
)
_REPOST = re.compile(r"\s*RT\s?@\w")
_LINKS_AT_END = re.compile(r"(?:\s*https?://t\.co/\w+)*\s*$")
_LONG = 130
"""Characters from which a text that ends in `…` is taken for cut: X cut at 140, later at 280."""


def own_words(record: Mapping[str, Any], raw: str, own_id: str) -> tuple[str, bool]:
    """The unescaped text of `record` without the link to what it quotes, and whether it was cut."""
    text = sound(raw)
    cut = record.get("truncated") is True or looks_cut(text)
    links = dict(_links(record))
    while links:
        before, _, last = text.rstrip().rpartition(" ")
        before, last = _after_line_break(before, last)
        target = _STATUS.fullmatch(links.get(last, ""))
        if target is None:
            break
        cut = cut or (target[1] == own_id and before.rstrip().endswith("…"))
        text = before.rstrip()
    return undo_x_escapes(text), cut


def is_typed_repost(text: str) -> bool:
    """Whether a text passes on somebody else's: `RT @name`, by the network or typed by hand."""
    return _REPOST.match(text) is not None


def looks_cut(text: str) -> bool:
    """Whether a long text ends in `…`, links after it aside."""
    if "…" not in text:
        return False
    shown = _LINKS_AT_END.sub("", text)
    return len(shown) >= _LONG - 25 and len(text) >= _LONG and shown.endswith("…")


def _after_line_break(before: str, last: str) -> tuple[str, str]:
    head, mark, tail = last.rpartition("\n")
    return (f"{before} {head}", tail) if mark else (before, last)


def _links(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    entities = record.get("entities")
    urls = entities.get("urls") if isinstance(entities, dict) else None
    for url in urls if isinstance(urls, list) else []:
        short, long = (url.get("url"), url.get("expanded_url")) if isinstance(url, dict) else (0, 0)
        if isinstance(short, str) and isinstance(long, str):
            yield short, long
