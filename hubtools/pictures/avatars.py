"""Round avatars from untrusted image bytes."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import lru_cache

from PIL import Image, ImageDraw, ImageOps

from hubtools.pictures.types import MAX_AVATAR_BYTES

PIXELS_LIMIT = 25_000_000
SIDE_LIMIT = 16_384
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SMOOTHING = 4
_BROKEN_IMAGE = (
    Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError,
    ValueError, TypeError, LookupError, ArithmeticError, EOFError, MemoryError, struct.error,
    zlib.error,
)  # fmt: skip
"""All that Pillow raises for bytes that are not a sound image."""


@lru_cache(maxsize=12)
def avatar_image(data: bytes | None, diameter: int, paper: str) -> Image.Image | None:
    """A circle of `diameter` px cut from the middle of an image, RGBA, transparent around it.

    Transparent parts of the image show the color `paper`. None without bytes, for bytes that are
    not an image, and for one larger than MAX_AVATAR_BYTES or PIXELS_LIMIT. The result is cached:
    draw it, do not change it.
    """
    if not data or len(data) > MAX_AVATAR_BYTES:
        return None
    try:
        square = _square(data, diameter)
    except _BROKEN_IMAGE:
        return None
    large = diameter * SMOOTHING
    circle = Image.new("L", (large, large))
    ImageDraw.Draw(circle).ellipse((0, 0, large - 1, large - 1), fill=255)
    picture = Image.new("RGBA", square.size, paper)
    picture.alpha_composite(square)
    picture.putalpha(circle.resize(square.size, Image.Resampling.BOX))
    return picture


def _square(data: bytes, side: int) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXELS_LIMIT or max(picture.size) > SIDE_LIMIT:
                raise ValueError("too many pixels")
            picture.draft("RGB", (2 * side, 2 * side))
            upright = ImageOps.exif_transpose(picture)
            return ImageOps.fit(upright.convert("RGBA"), (side, side), Image.Resampling.LANCZOS)
