"""Text that can be drawn: what no glyph exists for is left out, the rest is broken into lines."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import accumulate

ZERO_WIDTH_JOINER = "\u200d"
LEFT_TO_RIGHT, RIGHT_TO_LEFT = "\u200e", "\u200f"
ELLIPSIS = "…"
MARKS_PER_LETTER = 3

Measure = Callable[[int, int], float]
"""Width of `text[start:stop]` for two indices into a text."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A text as it can be drawn, and the characters that had to go, in order, each once."""

    text: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text: the slice `text[start:stop]`."""

    start: int
    stop: int


def drawable(text: str, glyphs: Container[int]) -> Lettering:
    """`text` with only characters whose code points are in `glyphs`, on one line.

    Line breaks and other white space become single spaces; one at either end stays. Control,
    zero-width and direction characters go silently; whatever has no glyph is named in `left_out`.
    """
    kept: list[str] = []
    missing: dict[str, None] = {}
    for cluster in clusters(unicodedata.normalize("NFC", _spaced(text))):
        shown = "".join(char for char in cluster if not _is_selector(char))
        if unicodedata.category(cluster[0])[0] == "M" or not shown:
            continue
        if all(ord(char) in glyphs for char in shown) and not _is_joined_emoji(cluster):
            kept.append(shown[: 1 + MARKS_PER_LETTER])
        else:
            missing[cluster] = None
    return Lettering(single_spaced("".join(kept)), tuple(missing))


def single_spaced(text: str) -> str:
    """`text` with every run of white space as one space; one at either end stays."""
    body = " ".join(text.split())
    before = " " if text[:1].isspace() else ""
    after = " " if body and text[-1:].isspace() else ""
    return f"{before}{body}{after}"


def clusters(text: str) -> Iterator[str]:
    """The characters of `text` as a person counts them: letters with marks, whole emoji, flags."""
    cluster = ""
    for char in text:
        if cluster and _belongs(char, cluster):
            cluster += char
            continue
        if cluster:
            yield cluster
        cluster = char
    if cluster:
        yield cluster


def _spaced(text: str) -> str:
    """White space of every kind as plain spaces; controls and direction marks removed."""
    spaced = (" " if char.isspace() else char for char in text)
    return "".join(char for char in spaced if not _invisible(char))


def _invisible(char: str) -> bool:
    """Characters that only steer, save those that hold an emoji together."""
    return (
        unicodedata.category(char) in ("Cc", "Cf", "Cs")
        and char != ZERO_WIDTH_JOINER
        and not 0xE0020 <= ord(char) <= 0xE007F
    )


def _belongs(char: str, cluster: str) -> bool:
    if cluster == " ":
        return False
    if _extends(char):
        return True
    if cluster.endswith(ZERO_WIDTH_JOINER):
        return unicodedata.category(char) == "So"
    return _is_flag_half(char) and len(cluster) == 1 and _is_flag_half(cluster)


def _extends(char: str) -> bool:
    code = ord(char)
    return (
        char == ZERO_WIDTH_JOINER
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags, as in the flag of Scotland
    )


def _is_flag_half(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _is_joined_emoji(cluster: str) -> bool:
    """Whether several emoji stand for one, which single glyphs would tell apart again."""
    symbols = sum(unicodedata.category(char) in ("So", "Sk") for char in cluster)
    return symbols > 1


def _is_selector(char: str) -> bool:
    """Joiners and variation selectors draw no ink."""
    code = ord(char)
    return char == ZERO_WIDTH_JOINER or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


def steered(text: str, *, like: str) -> str:
    """`text`, a part of `like`, with a mark before it to read in the direction `like` begins in."""
    for char in like:
        direction = unicodedata.bidirectional(char)
        if direction in ("L", "R", "AL"):
            return (LEFT_TO_RIGHT if direction == "L" else RIGHT_TO_LEFT) + text if text else ""
    return text


def clipped(text: str, limit: int) -> str:
    """`text` of at most `limit` characters, the last one an ellipsis if some had to go.

    Cuts after a word where one ends in the last fifth, else after any whole character.
    """
    if len(text) <= limit:
        return text
    cut = text.rfind(" ", limit * 4 // 5, limit)
    if cut < 0:
        cut = _whole(text, limit - 1)
    return text[:cut].rstrip(" ,;:") + ELLIPSIS


def fitted(text: str, width: float, measure: Callable[[str], float]) -> str:
    """`text`, or as much of its start as stays within `width` with an ellipsis after it."""
    if measure(text) <= width:
        return text
    ends = list(accumulate(len(cluster) for cluster in clusters(text)))
    fits = bisect_left(ends, True, key=lambda end: measure(_ended(text, end)) > width)
    return _ended(text, ends[fits - 1] if fits else 0)


def _ended(text: str, end: int) -> str:
    return text[:end].rstrip() + ELLIPSIS


def wrap(text: str, width: float, measure: Measure) -> tuple[Line, ...]:
    """Break `text` into lines no wider than `width`, at spaces, inside a word only if it must be.

    `measure(start, stop)` gives the width of a slice in the unit of `width`. A character wider
    than `width` stands on a line of its own.
    """
    lines: list[Line] = []
    space = _space(text, measure)
    used = 0.0
    for start, stop in _pieces(text, width, measure):
        needed = measure(start, stop)
        if lines and text[start - 1] == " " and used + space + needed <= width:
            lines[-1] = Line(lines[-1].start, stop)
            used += space + needed
        else:
            lines.append(Line(start, stop))
            used = needed
    return tuple(lines)


def _space(text: str, measure: Measure) -> float:
    """Width of the first space in `text`, 0 where there is none."""
    at = text.find(" ")
    return measure(at, at + 1) if at >= 0 else 0.0


def _pieces(text: str, width: float, measure: Measure) -> Iterator[tuple[int, int]]:
    """The words of `text` as slices, those wider than `width` cut up."""
    for word in re.finditer(r"[^ ]+", text):
        start, stop = word.span()
        while measure(start, stop) > width:
            cut = _longest(text, start, stop, width, measure)
            if cut == stop:
                break
            yield start, cut
            start = cut
        yield start, stop


def _longest(text: str, start: int, stop: int, width: float, measure: Measure) -> int:
    """Where the longest part of a word ends that fits `width`; one character at least."""
    ends = [start + end for end in accumulate(map(len, clusters(text[start:stop])))]
    fits = bisect_left(ends, True, key=lambda end: measure(start, end) > width)
    return ends[max(0, fits - 1)]


def _whole(text: str, limit: int) -> int:
    """The largest index up to `limit` that does not cut a character in two."""
    end = 0
    for cluster in clusters(text):
        if end + len(cluster) > limit:
            break
        end += len(cluster)
    return end
