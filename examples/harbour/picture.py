"""The account's avatar: a harbour at sunrise, drawn flat."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw

SIZE = 400
SCALE = 4
SKY, GLOW, SUN = "#f7c59f", "#fbd9b5", "#fff1d0"
HILL, SEA, DEEP, FOAM = "#5b7b8c", "#2f6690", "#1d4462", "#d9ecf2"
RED, WHITE, INK = "#d1495b", "#fdfaf4", "#16324a"

Spot = tuple[float, float]


class Easel:
    """Draws in the picture's own 400 by 400 points, enlarged for smooth edges."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), SKY)
        self.pen = ImageDraw.Draw(self.image)

    def shape(self, colour: str, *spots: Spot) -> None:
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in spots], fill=colour)

    def disc(self, colour: str, x: float, y: float, radius: float) -> None:
        low, high = radius * -SCALE, radius * SCALE
        x, y = x * SCALE, y * SCALE
        self.pen.ellipse([x + low, y + low, x + high, y + high], fill=colour)

    def stroke(self, colour: str, width: float, *spots: Spot) -> None:
        points = [(x * SCALE, y * SCALE) for x, y in spots]
        self.pen.line(points, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in (spots[0], spots[-1]):
            self.disc(colour, x, y, width / 2)

    def wave(self, colour: str, top: float, height: float, shift: float) -> None:
        crest = [(x, top + height * math.sin((x + shift) / 21)) for x in range(0, SIZE + 1, 4)]
        self.shape(colour, *crest, (SIZE, SIZE), (0, SIZE))


def avatar() -> bytes:
    """The picture as a PNG of 400 by 400 points."""
    easel = Easel()
    _sunrise(easel)
    _lighthouse(easel)
    _heron(easel)
    easel.wave(SEA, 262, 5, 0)
    easel.wave(DEEP, 304, 6, 40)
    _anchor(easel)
    small = easel.image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _sunrise(easel: Easel) -> None:
    easel.disc(GLOW, 200, 236, 150)
    easel.disc(SUN, 200, 236, 96)
    hills = ((0, 246), (60, 214), (130, 236), (196, 256), (300, 244), (400, 226))
    easel.shape(HILL, *hills, (400, 300), (0, 300))


def _lighthouse(easel: Easel) -> None:
    easel.shape(GLOW, (84, 108), (0, 70), (0, 146))
    easel.shape(WHITE, (66, 258), (72, 128), (96, 128), (102, 258))
    for top in (152, 198):
        lean = (top - 128) / 24
        upper = ((71 - lean, top), (97 + lean, top))
        easel.shape(RED, *upper, (99 + lean, top + 24), (69 - lean, top + 24))
    easel.shape(INK, (66, 128), (102, 128), (102, 122), (66, 122))
    easel.shape(SUN, (74, 122), (94, 122), (94, 102), (74, 102))
    easel.shape(RED, (68, 102), (100, 102), (84, 84))


def _heron(easel: Easel) -> None:
    """Management, on one leg."""
    easel.shape(INK, (280, 236), (400, 236), (400, 244), (280, 244))
    for x in (294, 340, 386):
        easel.shape(INK, (x - 4, 240), (x + 4, 240), (x + 4, 300), (x - 4, 300))
    easel.stroke(INK, 3, (332, 236), (332, 196))
    easel.stroke(INK, 3, (338, 196), (346, 214), (334, 220))
    easel.shape(HILL, (312, 190), (322, 174), (346, 172), (374, 206), (336, 204))
    easel.stroke(HILL, 9, (322, 182), (314, 166), (322, 150), (316, 134))
    easel.disc(HILL, 315, 131, 8)
    easel.shape(RED, (310, 126), (278, 136), (311, 137))
    easel.stroke(INK, 3, (316, 125), (334, 128))
    easel.disc(WHITE, 313, 130, 2)


def _anchor(easel: Easel) -> None:
    easel.stroke(FOAM, 9, (200, 312), (200, 376))
    easel.stroke(FOAM, 8, (180, 326), (220, 326))
    easel.disc(FOAM, 200, 304, 11)
    easel.disc(DEEP, 200, 304, 5)
    bow = [(200 + 38 * math.cos(a / 10), 342 + 34 * math.sin(a / 10)) for a in range(2, 30)]
    easel.stroke(FOAM, 9, *bow)
    for side in (-1, 1):
        easel.shape(FOAM, (200 + side * 46, 332), (200 + side * 47, 356), (200 + side * 26, 350))
