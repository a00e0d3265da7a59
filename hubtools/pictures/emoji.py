"""Emoji as images: which characters form one, and what it looks like.

The package includes Twemoji. Newer emoji come from the system's emoji font if there is one; a
sequence that no font joins is drawn as its parts, as phones do.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import regex
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont, ImageStat
from PIL.ImageFont import FreeTypeFont

from hubtools.pictures.fonts import EMOJI_FONT

JOINER = "\u200d"
WIDTH = 1.18
"""Width of an emoji in a line, as a fraction of the type size."""
SIDE = 1.06
"""Width and height of its image, as a fraction of the type size."""
RISE = 0.86
"""Height of its image above the baseline, as a fraction of the type size."""
DARK_EMOJI, LIGHT_TEXT = 100, 160
"""Mean levels, 0 to 255, below which an emoji counts as dark and above which text is light."""
EDGE = "#fffdf8"
CREDIT = "Emoji: Twemoji, copyright Twitter, Inc and other contributors, CC-BY 4.0"
SYSTEM_FONTS = {
    "darwin": (("/System/Library/Fonts/Apple Color Emoji.ttc", 160),),
    "win32": (("C:/Windows/Fonts/seguiemj.ttf", 128),),
    "linux": (
        ("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", 109),
        ("/usr/share/fonts/noto/NotoColorEmoji.ttf", 109),
        ("/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf", 109),
    ),
}
"""Files, and the size in px at which each is read: most have images of one size."""
OWN_SIZE = 128
_EMOJI = regex.compile(
    r"(?!.\uFE0E)(?:\p{Emoji_Presentation}|[0-9#*]\uFE0F?\u20E3"
    r"|(?![0-9#*])\p{Emoji}(?:\uFE0F|\p{Emoji_Modifier}))"
)
"""Emoji by default, by the selector U+FE0F or a skin tone, flags and keycaps (UTS #51)."""
_TONE = regex.compile(r"\p{Emoji_Modifier}")


def is_emoji(cluster: str) -> bool:
    """Whether a grapheme cluster is shown in color by default."""
    return _EMOJI.match(cluster) is not None


def emoji_parts(cluster: str) -> tuple[str, ...]:
    """What to draw for an emoji: itself, or its parts when no font has it as one image.

    Empty when no font has one of the parts.
    """
    if _font_for(cluster) is not None:
        return (cluster,)
    found = (part if _font_for(part) else _TONE.sub("", part) for part in cluster.split(JOINER))
    parts = tuple(filter(None, found))
    return parts if all(map(_font_for, parts)) else ()


@lru_cache(maxsize=1024)
def emoji_picture(cluster: str, side: int) -> Image.Image:
    """The emoji as an RGBA image of `side` × `side` px. Raises LookupError when no font has it."""
    found = _font_for(cluster)
    if found is None:
        raise LookupError(cluster)
    file, size = found
    font = _opened(file, side if file == EMOJI_FONT else size)
    left, top, right, bottom = font.getbbox(cluster, anchor="ls")
    large = max(round(font.getlength(cluster)), int(right - left), int(bottom - top))
    square = Image.new("RGBA", (large, large))
    at = ((large - left - right) / 2, (large - top - bottom) / 2)
    if file == EMOJI_FONT:  # its images contain their own vertical offset
        at = (0, large * 0.875)
    ImageDraw.Draw(square).text(at, cluster, font=font, embedded_color=True, anchor="ls")
    return square if large == side else square.resize((side, side), Image.Resampling.LANCZOS)


@lru_cache(maxsize=256)
def emoji_beside(cluster: str, side: int, color: str) -> Image.Image:
    """The emoji for text of `color`: beside light text, a dark emoji gets a light edge, because
    the background is dark. The edge is added outside `side`."""
    picture = emoji_picture(cluster, side)
    opaque = picture.getchannel("A").point(lambda level: 255 * (level > 128))
    shade = ImageStat.Stat(picture.convert("L"), opaque).mean[0] if opaque.getbbox() else 255
    if shade > DARK_EMOJI or sum(ImageColor.getrgb(color)) < 3 * LIGHT_TEXT:
        return picture
    reach = max(1, side // 32)
    room = Image.new("RGBA", (side + 2 * reach + 2, side + 2 * reach + 2))
    room.paste(picture, (reach + 1, reach + 1))
    wide = room.getchannel("A").filter(ImageFilter.MaxFilter(2 * reach + 1))
    edge = Image.new("RGBA", room.size, EDGE)
    edge.putalpha(wide.filter(ImageFilter.GaussianBlur(0.7)))
    edge.alpha_composite(room)
    return edge


@lru_cache(maxsize=4096)
def _font_for(cluster: str) -> tuple[Path, int] | None:
    """The font file that has `cluster` as one image, and the size to read it at."""
    system = SYSTEM_FONTS.get(sys.platform, SYSTEM_FONTS["linux"])
    for file, size in ((EMOJI_FONT, OWN_SIZE), *((Path(name), size) for name, size in system)):
        if file.is_file() and _is_single(_opened(file, size), cluster):
            return file, size
    return None


def _is_single(font: FreeTypeFont, cluster: str) -> bool:
    """Whether the font draws `cluster` as one image: all its images have the same width."""
    width = font.getlength("\U0001f600")
    if abs(font.getlength(cluster) - width) > 1:
        return False
    shown, box = font.getmask(cluster), font.getmask("\U0010fffd")  # drawn for what is missing
    is_box = shown.size == box.size and bytes(shown) == bytes(box)
    return shown.getbbox() is not None and not is_box


@lru_cache(maxsize=64)
def _opened(file: Path, size: int) -> FreeTypeFont:
    return ImageFont.truetype(str(file), size)
