"""The Unicode Bidirectional Algorithm (UAX #9): the direction of each character in a line.

Its explicit part is left out: embeddings, overrides and isolates are removed from a text before
it is drawn. Rule names (W1 … L2) are those of the standard.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

Item = TypeVar("Item")

OPENING, CLOSING = "([{⟨〈「『【《", ")]}⟩〉」』】》"
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_NEUTRAL = frozenset(("B", "S", "WS", "ON", "BN"))


def is_right_to_left(text: str) -> bool:
    """Whether the first letter of `text` belongs to a right-to-left script (P2, P3)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


@lru_cache(maxsize=256)
def levels(text: str, base: int) -> tuple[int, ...]:
    """The embedding level of each character in a line of level `base`; odd means right to left.

    `base` is the paragraph's level, 0 or 1. Emoji must be single neutral characters: the caller
    replaces them with U+FFFC.
    """
    if not base and not _RIGHT_TO_LEFT.search(text):
        return (0,) * len(text)
    kinds = [unicodedata.bidirectional(char) or "L" for char in text]
    edge = "R" if base else "L"
    _resolve_weak(kinds, edge)
    _resolve_brackets(text, kinds, edge)
    _resolve_neutral(kinds, edge)
    found = [_level(kind, base) for kind in kinds]
    end = len(text)
    while end and text[end - 1] == " ":  # L1
        end -= 1
        found[end] = base
    return tuple(found)


def in_visual_order(items: Sequence[Item], levels: Sequence[int]) -> list[Item]:
    """`items`, each of one level, reordered from left to right (L2)."""
    order = list(zip(items, levels, strict=True))
    highest = max(levels, default=0)
    for level in range(highest, 0, -1):
        start = 0
        while start < len(order):
            stop = start
            while stop < len(order) and order[stop][1] >= level:
                stop += 1
            order[start:stop] = reversed(order[start:stop])
            start = max(stop, start + 1)
    return [item for item, _ in order]


def _level(kind: str, base: int) -> int:
    """I1 and I2."""
    if base:
        return 1 if kind == "R" else 2
    return {"R": 1, "L": 0}.get(kind, 2)


def _resolve_weak(kinds: list[str], edge: str) -> None:
    """W1 to W7, each in a pass of its own as in the standard."""
    before = edge
    for at, kind in enumerate(kinds):  # W1
        kinds[at] = before = before if kind == "NSM" else kind
    strong = edge
    for at, kind in enumerate(kinds):  # W2, W3
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[at] = "AN"
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for at in range(1, len(kinds) - 1):  # W4
        around = kinds[at - 1], kinds[at + 1]
        if (around == ("EN", "EN") and kinds[at] in ("ES", "CS")) or (
            around == ("AN", "AN") and kinds[at] == "CS"
        ):
            kinds[at] = around[0]
    for start, stop in _runs(kinds, frozenset(("ET",))):  # W5
        if "EN" in (kinds[start - 1 : start] + kinds[stop : stop + 1]):
            kinds[start:stop] = ["EN"] * (stop - start)
    kinds[:] = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in kinds]  # W6
    strong = edge
    for at, kind in enumerate(kinds):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[at] = "L"


def _resolve_brackets(text: str, kinds: list[str], edge: str) -> None:
    """N0: a pair of brackets takes the direction of its contents, or of the text before it."""
    for opening, closing in _pairs(text, kinds):
        inside = {_strong(kind) for kind in kinds[opening + 1 : closing]}
        if edge in inside:
            kinds[opening] = kinds[closing] = edge
        elif inside & {"L", "R"}:
            before = next(filter(None, map(_strong, reversed(kinds[:opening]))), edge)
            kinds[opening] = kinds[closing] = before if before in inside else edge


def _pairs(text: str, kinds: Sequence[str]) -> list[tuple[int, int]]:
    found, open_at = [], list[int]()
    for at, char in enumerate(text):
        if kinds[at] != "ON":
            continue
        if char in OPENING:
            open_at.append(at)
        elif char in CLOSING:
            wanted = OPENING[CLOSING.index(char)]
            for depth in range(len(open_at) - 1, -1, -1):
                if text[open_at[depth]] == wanted:
                    found.append((open_at[depth], at))
                    del open_at[depth:]
                    break
    return sorted(found)


def _resolve_neutral(kinds: list[str], edge: str) -> None:
    """N1 and N2."""
    for start, stop in _runs(kinds, _NEUTRAL):
        before = _strong(kinds[start - 1]) if start else edge
        after = _strong(kinds[stop]) if stop < len(kinds) else edge
        kinds[start:stop] = [before if before == after else edge] * (stop - start)


def _strong(kind: str) -> str:
    """The direction of a resolved kind; numbers count as right to left."""
    return {"L": "L", "R": "R", "EN": "R", "AN": "R"}.get(kind, "")


def _runs(kinds: Sequence[str], wanted: frozenset[str]) -> list[tuple[int, int]]:
    runs, start = [], None
    for at, kind in enumerate((*kinds, "")):
        if kind in wanted:
            start = at if start is None else start
        elif start is not None:
            runs.append((start, at))
            start = None
    return runs
