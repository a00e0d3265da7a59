"""Comparing pictures tile by tile: an average over the whole is blind to a lost emoji."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TILE = 20
"""Px; an arrow head fills one, an emoji several."""
TOLERANCE = 12.0
"""Of 255: what another FreeType may change in a tile of text."""


def largest_difference(one: Image.Image, two: Image.Image) -> float:
    """The mean absolute difference of the tile that differs most, 0 to 255."""
    assert one.size == two.size
    first, second = (np.asarray(image.convert("RGB"), np.int16) for image in (one, two))
    gap = np.abs(first - second).mean(axis=2)
    high, wide = (-(-side // TILE) * TILE for side in gap.shape)
    padded = np.zeros((high, wide))
    padded[: gap.shape[0], : gap.shape[1]] = gap
    tiles = padded.reshape(high // TILE, TILE, wide // TILE, TILE).mean(axis=(1, 3))
    return float(tiles.max())


def assert_same_tiles(obtained: Path, expected: Path) -> None:
    """For `file_regression`: the same size and mode, and no tile that differs much."""
    one, two = Image.open(obtained), Image.open(expected)
    assert (one.size, one.mode, one.format) == (two.size, two.mode, two.format)
    difference = largest_difference(one, two)
    assert difference <= TOLERANCE, f"a tile differs by {difference:.1f} of 255"
