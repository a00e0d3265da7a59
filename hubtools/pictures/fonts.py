"""Which font draws which character: the package's fonts first, then the system's.

The package's fonts (FiraGO, Twemoji) and matplotlib's DejaVu draw the same everywhere. Chinese,
Japanese and Korean need the extra `cjk` or a system font. Nothing is ever downloaded.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import matplotlib
from matplotlib.font_manager import get_font, list_fonts
from matplotlib.ft2font import FT2Font

FOLDER = Path(__file__).parents[1] / "fonts"
EMOJI_FONT = FOLDER / "Twemoji.ttf"
PACKAGES = ("noto_cjk_sans_jp_regular",)
"""Python packages that contain only a font."""
SYSTEM_FOLDERS = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("%WINDIR%/Fonts", "%LOCALAPPDATA%/Microsoft/Windows/Fonts"),
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
}
EXTENSIONS = ("ttf", "otf", "ttc")
FILES_LIMIT = 5_000
PREFERRED = ("NotoSans", "Noto", "DejaVuSans")
UNFIT = ("Emoji", "Italic", "Oblique", "Mono", "Condensed", "LastResort", "Blank")


class Weight(Enum):
    """The two weights of the pictures' typeface, each with its fallback fonts."""

    REGULAR = ("FiraGO-Regular.ttf", "DejaVuSans.ttf")
    BOLD = ("FiraGO-Bold.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans.ttf")


@lru_cache(maxsize=8192)
def is_drawable(cluster: str) -> bool:
    """Whether one font has all of a grapheme cluster: a letter and its marks need the same font."""
    helper = _helper(cluster[0])
    files = (*_usual_files(Weight.REGULAR), *((helper,) if helper else ()))
    return any(all(_has(file, char) for char in cluster) for file in files)


@lru_cache(maxsize=4096)
def font_files(text: str, weight: Weight) -> tuple[str, ...]:
    """The font files needed to draw `text`, in order of precedence."""
    usual, known = [str(file) for file in _usual_files(weight)], _glyphs_of(weight)
    helpers = (str(_helper(char) or "") for char in text if ord(char) not in known)
    return tuple(dict.fromkeys((*usual, *sorted(set(filter(None, helpers))))))


def _usual_files(weight: Weight) -> Iterator[Path]:
    ours, *theirs = weight.value
    yield FOLDER / ours
    for name in theirs:
        yield Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name


@lru_cache(maxsize=4)
def _glyphs_of(weight: Weight) -> frozenset[int]:
    files = map(str, _usual_files(weight))
    return frozenset(code for file in files for code in get_font(file).get_charmap())


@lru_cache(maxsize=8192)
def _helper(char: str) -> Path | None:
    """A font for a character that the usual ones lack: a package's, then the system's."""
    if ord(char) in _glyphs_of(Weight.REGULAR):
        return None
    return next((file for file in _other_files() if _has(file, char)), None)


@lru_cache(maxsize=1)
def _other_files() -> tuple[Path, ...]:
    specs = filter(None, map(find_spec, PACKAGES))
    folders = (folder for spec in specs for folder in spec.submodule_search_locations or ())
    ours = (Path(file) for folder in folders for file in list_fonts(folder, EXTENSIONS))
    return (*ours, *_system_files())


def _system_files() -> list[Path]:
    """The system's upright fonts, those most similar to ours first."""
    folders = SYSTEM_FOLDERS.get(sys.platform, SYSTEM_FOLDERS["linux"])
    places = (Path(os.path.expandvars(folder)).expanduser() for folder in folders)
    found = (Path(file) for place in places for file in list_fonts(str(place), EXTENSIONS))
    fit = [file for file in found if not any(word in file.stem for word in UNFIT)]
    return sorted(fit, key=_rank)[:FILES_LIMIT]


def _rank(file: Path) -> tuple[int, bool, str]:
    starts = [file.name.startswith(start) for start in PREFERRED]
    at = starts.index(True) if any(starts) else len(starts)
    return at, "Regular" not in file.stem, file.name


def _has(file: Path, char: str) -> bool:
    code, (starts, ends) = ord(char), _ranges(file)
    at = bisect_right(starts, code) - 1
    return at >= 0 and code <= ends[at]


@lru_cache(maxsize=FILES_LIMIT)
def _ranges(file: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last code points of the ranges that a font file covers; empty for broken files.

    Fonts are not kept open for this: there may be thousands.
    """
    try:
        font = FT2Font(str(file))
        codes = sorted(font.get_charmap()) if font.scalable else []
    except (OSError, RuntimeError, ValueError):
        codes = []
    starts = tuple(after for before, after in pairwise([-2, *codes]) if after != before + 1)
    ends = tuple(before for before, after in pairwise([*codes, -2]) if after != before + 1)
    return starts, ends
