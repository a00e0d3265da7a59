"""Round pictures of people, from bytes that nobody vouches for."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

BYTES_LIMIT = 8 * 1024 * 1024
PIXELS_LIMIT = 25_000_000
SIDE_LIMIT = 16_384
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SMOOTHING = 4


@lru_cache(maxsize=12)
def avatar_image(data: bytes | None, diameter: int, paper: str) -> Image | None:
    """A circle of `diameter` px cut from the middle of a picture, RGBA, clear around it.

    What is see-through in the picture shows the colour `paper`. None where there are no bytes,
    they are no picture, or it is larger than BYTES_LIMIT or PIXELS_LIMIT. The same picture is kept:
    draw it, do not change it.
    """
    if not data or len(data) > BYTES_LIMIT:
        return None
    try:
        square = _square(data, diameter)
    except _broken_picture_errors():
        return None
    return _rounded(square, paper)


def _broken_picture_errors() -> tuple[type[Exception], ...]:
    """All that Pillow raises for bytes that are no sound picture."""
    from PIL import Image

    return (
        Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError,
        ValueError, TypeError, LookupError, ArithmeticError, EOFError, MemoryError, struct.error,
        zlib.error,
    )  # fmt: skip


def _square(data: bytes, side: int) -> Image:
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXELS_LIMIT or max(picture.size) > SIDE_LIMIT:
                raise ValueError("too many pixels")
            picture.draft("RGB", (2 * side, 2 * side))
            upright = ImageOps.exif_transpose(picture)
            return ImageOps.fit(upright.convert("RGBA"), (side, side), Image.Resampling.LANCZOS)


def _rounded(square: Image, paper: str) -> Image:
    from PIL import Image, ImageDraw

    large = square.width * SMOOTHING
    circle = Image.new("L", (large, large))
    ImageDraw.Draw(circle).ellipse((0, 0, large - 1, large - 1), fill=255)
    picture = Image.new("RGBA", square.size, paper)
    picture.alpha_composite(square)
    picture.putalpha(circle.resize(square.size, Image.Resampling.BOX))
    return picture
