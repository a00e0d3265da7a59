"""The look that all pictures share: colours, type, a canvas to draw on, and its PNG.

Lengths are pixels from the top left corner. Type sizes are pixels too: fonts are set at 72 dots an
inch, where a point is a pixel. Only the fonts that matplotlib ships are used, without hinting, so
that widths grow in step with the size and the bytes are the same on every machine.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hubtools.cards.lettering import LEFT_TO_RIGHT, RIGHT_TO_LEFT, drawable
from hubtools.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font
    from matplotlib.path import Path as Outline
    from PIL.Image import Image

PAPER = "#f7f3ea"
INK = "#14233a"
MUTED = "#5c6679"
MIST = "#a8b4c8"
RULE = "#d9d0be"
SEA = "#0a6b6f"
CORAL = "#e0533a"
CARD = "#fffdf8"
TONES = ("#0a6b6f", "#b4472f", "#3d5a98", "#7a4a86", "#8a6414", "#3f6b3a")

HAIR = "\u200a"
ROUND = 0.5523
"""How far a cubic curve's handles reach along a quarter of a circle of radius 1."""

Kind = Literal["text", "box", "picture", "line"]


class Typeface(Enum):
    """Font files of matplotlib, the first one that has a glyph draws it."""

    TEXT = ("DejaVuSerif.ttf", "DejaVuSans.ttf")
    TEXT_BOLD = ("DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans.ttf")
    LABEL = ("DejaVuSans.ttf",)
    LABEL_BOLD = ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf")


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that was drawn and the box that it takes, in whole px."""

    kind: Kind
    left: int
    top: int
    width: int
    height: int
    text: str = ""
    size: float = 0.0
    """Type size in px, 0 for what is no text."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture: its PNG, the characters no glyph exists for, and where everything stands."""

    png: bytes
    left_out: tuple[str, ...]
    layout: tuple[Mark, ...]

    def _repr_png_(self) -> bytes:
        """How notebooks show a picture."""
        return self.png


@dataclass(frozen=True, slots=True)
class Type:
    """How a text is set: typeface, size in px, colour as `#rrggbb`."""

    face: Typeface
    size: float
    colour: str = INK


class Canvas:
    """A sheet of `width` × `height` px to draw on. Remembers what it drew in `marks`."""

    def __init__(self, width: int, height: int) -> None:
        from matplotlib.backends.backend_agg import RendererAgg

        self.width = width
        self.height = height
        self.marks: list[Mark] = []
        self._agg: Any = RendererAgg(width, height, 72)  # type: ignore[no-untyped-call]
        self._fill(_outline(0, 0, width, height, 0), PAPER)

    def write(self, text: str, type: Type, x: float, baseline: float) -> float:
        """Draw one line of `text` from `x` on; returns its width in px."""
        width = self._glyphs(text, type, x, baseline)
        if text:
            top = baseline - 0.77 * type.size
            self._remember("text", x, top, width, type.size, _seen(text), type.size)
        return width

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, radius: float = 0
    ) -> None:
        """Fill a rectangle with corners of `radius` px."""
        self._fill(_outline(x, self.height - y - height, width, height, radius), colour)
        self._remember("box", x, y, width, height)

    def line(self, points: tuple[tuple[float, float], ...], colour: str, thickness: float) -> None:
        """Draw through `points`, with round ends and corners."""
        from matplotlib.path import Path as Outline
        from matplotlib.transforms import IdentityTransform

        pen = self._agg.new_gc()
        pen.set_foreground(colour)
        pen.set_linewidth(thickness)
        pen.set_capstyle("round")
        pen.set_joinstyle("round")
        outline = Outline([(x, self.height - y) for x, y in points])
        self._agg.draw_path(pen, outline, IdentityTransform())
        xs, ys = zip(*points, strict=True)
        self._remember("line", min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))

    def paste(self, image: Image, x: int, y: int) -> None:
        """Draw an RGBA image with its top left corner at `x`, `y`."""
        import numpy as np

        pixels = np.asarray(image)[::-1]
        self._agg.draw_image(
            self._agg.new_gc(), x, self.height - y - image.height, np.ascontiguousarray(pixels)
        )
        self._remember("picture", x, y, image.width, image.height)

    def png(self) -> bytes:
        """The canvas as a PNG of at most 256 colours."""
        import numpy as np
        from PIL import Image

        pixels = np.array(self._agg.buffer_rgba())[..., :3]
        image = Image.fromarray(pixels).quantize(
            256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=6)
        return file.getvalue()

    def _glyphs(self, text: str, type: Type, x: float, baseline: float) -> float:
        import numpy as np
        from matplotlib.colors import to_rgb

        font = _set(text, type.face, type.size)
        width, height = (side / 64 for side in font.get_width_height())
        if text.strip() and height:
            font.draw_glyphs_to_bitmap(antialiased=True)
            pen = self._agg.new_gc()
            coverage = np.asarray(font.get_image())
            pixels = np.empty((*coverage.shape, 4), np.uint8)
            pixels[..., :3] = np.round(np.array(to_rgb(type.colour)) * 255)
            pixels[..., 3] = coverage
            left = round(x + font.get_bitmap_offset()[0] / 64)
            rise = int(height - font.get_descent() / 64) + 1  # rows down to the line they stand on
            bottom = self.height - round(baseline) + rise - len(coverage)
            self._agg.draw_image(pen, left, bottom, np.ascontiguousarray(pixels[::-1]))
        return width

    def _fill(self, outline: Outline, colour: str) -> None:
        from matplotlib.colors import to_rgb
        from matplotlib.transforms import IdentityTransform

        pen = self._agg.new_gc()
        pen.set_linewidth(0)
        self._agg.draw_path(pen, outline, IdentityTransform(), (*to_rgb(colour), 1.0))

    def _remember(
        self,
        kind: Kind,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str = "",
        size: float = 0.0,
    ) -> None:
        self.marks.append(Mark(kind, round(x), round(y), round(width), round(height), text, size))


def draw_bars(canvas: Canvas, left: float, top: float) -> None:
    """The mark of all pictures, 120 × 48 px: how likely each next word is, likeliest first."""
    for row, (length, colour) in enumerate(((120, CORAL), (64, SEA), (36, SEA), (20, SEA))):
        canvas.box(left, top + 13 * row, length, 9, colour, radius=4.5)


def require_libraries(purpose: str) -> None:
    """Raise MissingExtraError, which names `purpose`, unless matplotlib and Pillow are there."""
    try:
        import matplotlib
        import PIL
    except ImportError as error:
        raise MissingExtraError("pictures", purpose) from error
    del matplotlib, PIL


class Sieve:
    """Cleans texts of what DejaVu Sans has no glyph for, and remembers that in `left_out`.

    Looks at no more than `limit` characters of each text, so that none takes too long.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._missing: dict[str, None] = {}

    def clean(self, text: str) -> str:
        """`text` as `lettering.drawable` has it."""
        lettering = drawable(text[: self._limit], _glyphs_of("DejaVuSans.ttf"))
        self._missing.update(dict.fromkeys(lettering.left_out))
        return lettering.text

    @property
    def left_out(self) -> tuple[str, ...]:
        """What had no glyph in all texts so far, in order, each once."""
        return tuple(self._missing)


def measure(text: str, type: Type) -> float:
    """Width of one line of `text` in px."""
    return _width_per_px(text, type.face) * type.size


def tracked(text: str) -> str:
    """`text` with a hair space, a tenth of its size, between its letters."""
    return HAIR.join(text)


def measuring(type: Type) -> Callable[[str], float]:
    """`measure` for one type."""
    return lambda text: measure(text, type)


@lru_cache(maxsize=4096)
def _width_per_px(text: str, face: Typeface) -> float:
    """Width at size 1. Without hinting widths grow in step with the size."""
    width: int = _set(text, face, 128.0).get_width_height()[0]
    return width / 64 / 128


def _seen(text: str) -> str:
    """`text` without what only spaces or steers it."""
    return "".join(char for char in text if char not in (HAIR, LEFT_TO_RIGHT, RIGHT_TO_LEFT))


def _set(text: str, face: Typeface, size: float) -> FT2Font:
    from matplotlib.font_manager import get_font
    from matplotlib.ft2font import LoadFlags

    font = get_font([str(_font_folder() / name) for name in face.value])
    font.clear()
    font.set_size(size, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    return font


@lru_cache(maxsize=1)
def _font_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@lru_cache(maxsize=8)
def _glyphs_of(name: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(get_font(str(_font_folder() / name)).get_charmap())


def _outline(x: float, y: float, width: float, height: float, radius: float) -> Outline:
    """A rectangle with round corners; `y` counts from the bottom, as Agg does."""
    from matplotlib.path import Path as Outline

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
