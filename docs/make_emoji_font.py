"""Build `hubtools/fonts/Twemoji.ttf` from the color font of the npm package twemoji-colr-font.

    npm pack twemoji-colr-font@15.0.3 && tar xzf twemoji-colr-font-15.0.3.tgz
    pip install fonttools brotli
    python docs/make_emoji_font.py package/twemoji.woff2

Pillow takes a glyph's box from its outline, which is empty in that font, and so draws nothing.
Each emoji gets its box as an outline. Colors and shapes stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parents[1] / "hubtools/fonts/Twemoji.ttf"
NAME = "Twemoji for hubtools"
NAMED = (1, 3, 4, 6, 16)  # name records that hold a font's name


def main() -> None:
    """Convert the given font."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("font", type=Path)
    font = TTFont(parser.parse_args().font, recalcTimestamp=False)
    give_boxes(font)
    for record in font["name"].names:
        if record.nameID in NAMED:
            record.string = NAME.replace(" ", "") if record.nameID == 6 else NAME
    for table in ("FFTM", "gasp", "cvt "):
        if table in font:
            del font[table]
    font["post"].formatType = 3.0  # without the glyphs' names
    font.flavor = None
    font.save(TARGET)


def give_boxes(font: TTFont) -> None:
    """Let the outline of each emoji be the box of its layers."""
    shapes, widths = font["glyf"], font["hmtx"]
    for name, layers in font["COLR"].ColorLayers.items():
        parts = [shapes[layer.name] for layer in layers if shapes[layer.name].numberOfContours]
        if not parts:
            continue
        left, bottom = min(p.xMin for p in parts), min(p.yMin for p in parts)
        right, top = max(p.xMax for p in parts), max(p.yMax for p in parts)
        pen = TTGlyphPen(None)
        pen.moveTo((left, bottom))
        for corner in ((left, top), (right, top), (right, bottom)):
            pen.lineTo(corner)
        pen.closePath()
        shapes[name] = pen.glyph()
        widths[name] = (widths[name][0], left)


if __name__ == "__main__":
    main()
