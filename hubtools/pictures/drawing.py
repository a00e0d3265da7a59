"""A canvas, and its PNG. Lengths are pixels from the top left corner."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.path import Path as Outline
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hubtools.pictures.bidi import is_right_to_left
from hubtools.pictures.emoji import CREDIT, RISE, SIDE, WIDTH, emoji_beside
from hubtools.pictures.text_layout import TextRun, TextStyle, seen, set_line, shaped, width_of
from hubtools.pictures.theme import LIGHT, Theme
from hubtools.pictures.types import Mark, MarkKind

ROUND = 0.5523
"""Length of a cubic curve's handles that draws a quarter of a circle of radius 1."""
ASCENT = 0.77
"""Height of capitals above the baseline, as a fraction of the type size."""


@dataclass(frozen=True, slots=True)
class _Ink:
    """The rendered letters of a run, RGBA from the bottom row up, and their position."""

    pixels: NDArray[np.uint8]
    left: float
    """From the run's left edge, px."""
    rise: int
    """From the baseline up to the top row, px."""


class Canvas:
    """A canvas of `width` × `height` px; `marks` lists what it drew."""

    def __init__(self, width: int, height: int, theme: Theme = LIGHT) -> None:
        self.width = width
        self.height = height
        self.theme = theme
        self.marks: list[Mark] = []
        self._agg: Any = RendererAgg(width, height, 72)  # type: ignore[no-untyped-call]
        self._fill(_outline(0, 0, width, height, 0), theme.paper)

    def write(self, text: str, style: TextStyle, x: float, baseline: float) -> float:
        """Draw one line of `text` starting at `x`; returns its width in px.

        For text that many pictures share, such as names: its rendered letters are cached.
        """
        runs = set_line([(text, style)], base=int(is_right_to_left(text)))
        self._draw(runs, x, baseline, _cached_ink)
        return width_of(runs)

    def draw(self, runs: tuple[TextRun, ...], x: float, baseline: float) -> None:
        self._draw(runs, x, baseline, _ink)

    def box(
        self, x: float, y: float, width: float, height: float, color: str, radius: float = 0
    ) -> None:
        """Fill a rectangle with corners of `radius` px."""
        self._fill(_outline(x, self.height - y - height, width, height, radius), color)
        self._record("box", (x, y, width, height))

    def line(self, points: tuple[tuple[float, float], ...], color: str, thickness: float) -> None:
        """Draw through `points`, with round ends and corners."""
        pen = self._agg.new_gc()
        pen.set_foreground(color)
        pen.set_linewidth(thickness)
        pen.set_capstyle("round")
        pen.set_joinstyle("round")
        outline = Outline([(x, self.height - y) for x, y in points])
        self._agg.draw_path(pen, outline, IdentityTransform())
        xs, ys = zip(*points, strict=True)
        self._record("line", (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))

    def paste(self, image: Image.Image, x: int, y: int) -> None:
        self._put(image, x, y)
        self._record("picture", (x, y, image.width, image.height))

    def png(self) -> bytes:
        """The canvas as a PNG of at most 256 colors, with the credit for its emoji."""
        whole = Image.frombuffer(
            "RGBA", (self.width, self.height), self._agg.buffer_rgba(), "raw", "RGBA", 0, 1
        )
        few = whole.convert("RGB").quantize(
            256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        about = PngInfo()
        if any(mark.kind == "emoji" for mark in self.marks):
            about.add_text("Copyright", CREDIT)
        file = io.BytesIO()
        few.save(file, "PNG", compress_level=5, pnginfo=about)
        return file.getvalue()

    def _draw(
        self, runs: tuple[TextRun, ...], x: float, baseline: float, ink: Callable[..., _Ink | None]
    ) -> None:
        for run in runs:
            if run.emoji:
                self._emoji(run, x + run.x, baseline)
            elif run.text.strip():
                found = ink(run.text, run.style, run.level)
                self._letters(run, found, x + run.x, baseline)

    def _letters(self, run: TextRun, ink: _Ink | None, x: float, baseline: float) -> None:
        size = run.style.size
        if ink is not None:
            bottom = self.height - round(baseline) + ink.rise - len(ink.pixels)
            self._agg.draw_image(self._agg.new_gc(), round(x + ink.left), bottom, ink.pixels)
        top = baseline - ASCENT * size
        self._record("text", (x, top, run.width, size), seen(run.text), size)

    def _emoji(self, run: TextRun, x: float, baseline: float) -> None:
        size = run.style.size
        side = round(SIDE * size)
        left, top = round(x + (WIDTH * size - side) / 2), round(baseline - RISE * size)
        picture = emoji_beside(run.text, side, run.style.color)
        edge = (picture.width - side) // 2
        self._put(picture, left - edge, top - edge)
        self._record("emoji", (left, top, side, side), run.text, size)

    def _put(self, image: Image.Image, x: int, y: int) -> None:
        pixels = np.asarray(image)[::-1]
        self._agg.draw_image(
            self._agg.new_gc(), x, self.height - y - image.height, np.ascontiguousarray(pixels)
        )

    def _fill(self, outline: Outline, color: str) -> None:
        pen = self._agg.new_gc()
        pen.set_linewidth(0)
        self._agg.draw_path(pen, outline, IdentityTransform(), (*to_rgb(color), 1.0))

    def _record(
        self, kind: MarkKind, box: tuple[float, ...], text: str = "", size: float = 0.0
    ) -> None:
        left, top, width, height = map(round, box)
        self.marks.append(Mark(kind, left, top, width, height, text, size))


def _ink(text: str, style: TextStyle, level: int) -> _Ink | None:
    font = shaped(text, style, level)
    height = font.get_width_height()[1] / 64
    if not height:
        return None
    font.draw_glyphs_to_bitmap(antialiased=True)
    coverage = np.asarray(font.get_image())[::-1]
    pixels = np.empty((*coverage.shape, 4), np.uint8)
    pixels[..., :3] = np.round(np.array(to_rgb(style.color)) * 255)
    pixels[..., 3] = coverage
    rise = int(height - font.get_descent() / 64) + 1
    return _Ink(pixels, font.get_bitmap_offset()[0] / 64, rise)


_cached_ink = lru_cache(maxsize=128)(_ink)


def draw_logo(canvas: Canvas, left: float, top: float) -> None:
    """The logo on every picture, 120 × 48 px: the likeliest next words as bars."""
    theme = canvas.theme
    bars = ((120, theme.signal), (64, theme.accent), (36, theme.accent), (20, theme.accent))
    for row, (length, color) in enumerate(bars):
        canvas.box(left, top + 13 * row, length, 9, color, radius=4.5)


def _outline(x: float, y: float, width: float, height: float, radius: float) -> Outline:
    """A rectangle with round corners; `y` counts from the bottom, as in Agg."""
    r = min(radius, width / 2, height / 2)
    c = r * (1 - ROUND)
    right, top = x + width, y + height
    points = [
        (x + r, y), (right - r, y), (right - c, y), (right, y + c), (right, y + r),
        (right, top - r), (right, top - c), (right - c, top), (right - r, top),
        (x + r, top), (x + c, top), (x, top - c), (x, top - r),
        (x, y + r), (x, y + c), (x + c, y), (x + r, y), (x + r, y),
    ]  # fmt: skip
    line, curve = int(Outline.LINETO), int(Outline.CURVE4)
    side = [line, curve, curve, curve]
    return Outline(points, [int(Outline.MOVETO), *side * 4, int(Outline.CLOSEPOLY)])
