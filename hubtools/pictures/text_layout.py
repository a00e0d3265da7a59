"""Lines of text in any script, as runs from left to right with their positions and widths.

Lengths and type sizes are pixels: fonts are set at 72 dots per inch, where a point is a pixel, and
without hinting, so that widths grow in step with the size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from matplotlib.font_manager import get_font
from matplotlib.ft2font import FT2Font, LoadFlags

from hubtools.pictures import bidi
from hubtools.pictures.emoji import WIDTH, emoji_parts, is_emoji
from hubtools.pictures.fonts import Weight, font_files, is_drawable
from hubtools.pictures.line_breaking import clusters, drawable, plain

HAIR = "\u200a"
LEFT_TO_RIGHT, RIGHT_TO_LEFT = "\u200e", "\u200f"
OBJECT = "\ufffc"
"""Replaces an emoji while directions are resolved."""
_UNIT = 128.0  # px, the size at which widths are measured


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Weight, size in px, color as `#rrggbb`, and BCP 47 language or ""."""

    weight: Weight
    size: float
    color: str = "#000000"
    language: str = ""


@dataclass(frozen=True, slots=True)
class TextRun:
    """Letters of one style and direction, or one emoji."""

    text: str
    style: TextStyle
    level: int
    """Odd means right to left."""
    emoji: bool
    width: float
    x: float = 0.0
    """Of its left edge, from the left edge of the line."""


class TextCleaner:
    """Removes characters that no font has, and collects them in `left_out`.

    Reads at most `limit` characters of each text, which bounds the time per text.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._missing: dict[str, None] = {}

    def clean(self, text: str) -> str:
        """What `line_breaking.drawable` keeps of `text`."""
        kept = drawable(text[: self._limit], _drawn)
        self._missing.update(dict.fromkeys(kept.left_out))
        return kept.text

    @property
    def left_out(self) -> tuple[str, ...]:
        """The removed characters of all texts so far, in order, each once."""
        return tuple(self._missing)


def set_line(spans: Sequence[tuple[str, TextStyle]], base: int = 0) -> tuple[TextRun, ...]:
    """The runs of one line from left to right; `base` is 1 in a right-to-left paragraph."""
    runs = _runs(spans, base)
    placed: list[TextRun] = []
    for run in bidi.in_visual_order(runs, [run.level for run in runs]):
        placed.append(replace(run, x=width_of(placed)))
    return tuple(placed)


def width_of(runs: Sequence[TextRun]) -> float:
    """Width of a line in px."""
    return runs[-1].x + runs[-1].width if runs else 0.0


def measure(text: str, style: TextStyle) -> float:
    """Width of one line of `text` in px."""
    return sum(_width(part, style, emoji) for part, emoji in pieces(text))


def measuring(style: TextStyle) -> Callable[[str], float]:
    """`measure` for one style."""
    return lambda text: measure(text, style)


def tracked(text: str) -> str:
    """`text` with a hair space, a tenth of its size, between letters."""
    return HAIR.join(text)


def seen(text: str) -> str:
    """`text` without hair spaces and direction marks."""
    return "".join(char for char in text if char not in (HAIR, LEFT_TO_RIGHT, RIGHT_TO_LEFT))


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[tuple[str, bool], ...]:
    """`text` split into letters and emoji; each piece with whether it is an emoji."""
    if text.isascii():
        return ((text, False),) if text else ()
    found: list[tuple[str, bool]] = []
    for emoji, group in groupby(clusters(text), is_emoji):
        together = list(group)
        found += [(one, True) for one in together] if emoji else [("".join(together), False)]
    return tuple(found)


def shaped(text: str, style: TextStyle, level: int) -> FT2Font:
    """A matplotlib font with the letters of a run laid out, ready to draw."""
    mark = RIGHT_TO_LEFT if level % 2 else LEFT_TO_RIGHT
    steer = mark if level or not text.isascii() else ""
    return _laid_out(steer + text, text, style, style.size)


def _drawn(cluster: str) -> str:
    if is_emoji(cluster):
        parts = emoji_parts(cluster)
        if parts:
            return "".join(parts)
    letters = plain(cluster)
    if letters and is_drawable(letters):
        return letters
    return letters[0] if letters and is_drawable(letters[0]) else ""


def _runs(spans: Sequence[tuple[str, TextStyle]], base: int) -> list[TextRun]:
    found = [(piece, style, emoji) for text, style in spans for piece, emoji in pieces(text)]
    line = "".join(OBJECT if emoji else piece for piece, _, emoji in found)
    levels = bidi.levels(line, base)
    runs: list[TextRun] = []
    at = 0
    for piece, style, emoji in found:
        units = [piece] if emoji else piece
        ranged = zip(units, levels[at : at + len(units)], strict=True)
        for level, group in groupby(ranged, lambda pair: pair[1]):
            text = "".join(char for char, _ in group)
            runs.append(TextRun(text, style, level, emoji, _width(text, style, emoji)))
        at += len(units)
    return runs


def _width(text: str, style: TextStyle, emoji: bool) -> float:
    return (WIDTH if emoji else _width_per_px(text, style.weight)) * style.size


@lru_cache(maxsize=16384)
def _width_per_px(text: str, weight: Weight) -> float:
    font = _laid_out(text, text, TextStyle(weight, _UNIT), _UNIT)
    width: int = font.get_width_height()[0]
    return width / 64 / _UNIT


def _laid_out(steered: str, text: str, style: TextStyle, size: float) -> FT2Font:
    font = get_font(font_files(text, style.weight))
    font.clear()
    font.set_size(size, 72)
    language = style.language or None
    font.set_text(steered, 0.0, flags=LoadFlags.NO_HINTING, language=language)
    return font
