"""Drawable text, without characters that no font has, and line breaking."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import regex

ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER = "\u200c", "\u200d"
JOINERS = (ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER)
ELLIPSIS = "…"
MARKS_PER_LETTER = 3
LONG = 48
"""Characters beyond which a word is not natural, except in scripts without spaces."""
NEVER_FIRST = frozenset(
    "、。，．・：；？！…‥）」』】〉》］｝”’ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々〻ะาๅๆฯ"
)
"""Characters that cannot start a line in scripts without spaces."""
LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")
NEVER_LAST = frozenset("（「『【〈《［｛“‘") | LEADING_VOWELS
"""Characters that cannot end a line."""
_WIDE = r"\p{Han}\p{Hiragana}\p{Katakana}\u3000-\u303F\uFF00-\uFF60ー"
_CLUSTER = regex.compile(r"\X")
"""Extended grapheme clusters (UAX #29)."""
_WORDS = regex.compile(r"(?:[^ ]| (?=\p{M}))+")
"""What stands between spaces; a space with marks on it belongs to a word: ( ͡° ͜ʖ ͡°)."""
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HANGUL, _HAN = regex.compile(r"\p{Hangul}"), regex.compile(r"\p{Han}")
_BESIDE_WIDE = regex.compile(rf"[{_WIDE}]\p{{M}}*|[^{_WIDE}](?=[{_WIDE}])")
"""Where a line may end: after each wide character, and before one."""
_WITHOUT_SPACES = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}]")
"""Scripts, symbols and emoji beside which a line may end without a space."""
_PILED_MARKS = regex.compile(rf"(\p{{Mn}}{{{MARKS_PER_LETTER}}})\p{{Mn}}+")

Measure = Callable[[int, int], float]
"""Width of `text[start:stop]`, given the two indices."""


@dataclass(frozen=True, slots=True)
class DrawableText:
    """The drawable part of a text, and the removed characters, in order, each once."""

    text: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of a text: the slice `text[start:stop]`."""

    start: int
    stop: int


def drawable(text: str, draw: Callable[[str], str]) -> DrawableText:
    """The drawable part of `text`, on one line.

    `draw` returns what to draw for a grapheme cluster, '' when no font has it; such clusters are
    listed in `left_out`. Line breaks and other white space become single spaces; one at either end
    stays. Control, zero-width and direction characters are removed silently.
    """
    kept: list[str] = []
    missing: dict[str, None] = {}
    for cluster in clusters(unicodedata.normalize("NFC", _spaced(text))):
        if cluster[0] == " ":
            marks = "".join(filter(_is_mark, cluster))
            kept.append((draw(cluster) if marks else "") or " ")
            if marks and kept[-1] == " ":
                missing[marks] = None
            continue
        shown = "".join(char for char in cluster if char not in JOINERS and not is_selector(char))
        if not shown or _is_mark(shown[0]):
            continue
        drawn = draw(cluster)
        kept.append(drawn)
        if not drawn:
            missing[cluster] = None
    return DrawableText(single_spaced("".join(kept)), tuple(missing))


def plain(cluster: str) -> str:
    """A cluster other than an emoji, without invisible characters, and with at most three marks.

    Joiners stay where they shape letters, as in Persian or Malayalam.
    """
    shapes = unicodedata.category(cluster[0]) == "Lo"
    shown = "".join(
        char for char in cluster if not is_selector(char) and (shapes or char not in JOINERS)
    )
    return str(_PILED_MARKS.sub(r"\1", shown))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M" and not is_selector(char)


def is_selector(char: str) -> bool:
    return 0xFE00 <= ord(char) <= 0xFE0F or 0xE0100 <= ord(char) <= 0xE01EF


def single_spaced(text: str) -> str:
    """`text` with every run of white space as one space; one at either end stays."""
    body = " ".join(text.split())
    before = " " if text[:1].isspace() else ""
    after = " " if body and text[-1:].isspace() else ""
    return f"{before}{body}{after}"


def clusters(text: str) -> list[str]:
    """The grapheme clusters of `text`: letters with their marks, whole emoji, flags."""
    return list(text) if text.isascii() else _CLUSTER.findall(text)


def han_language(text: str, around: str = "") -> str:
    """The BCP 47 language that decides the shapes of Han characters in `text`; "" without any.

    Han characters alone, as in a Japanese name, take the language `around` them.
    """
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    return (around or "zh-hans") if _HAN.search(text) else ""


def clipped(text: str, limit: int) -> str:
    """`text`, cut to at most `limit` characters including an ellipsis.

    Cuts after a word if one ends in the last fifth, else after any grapheme cluster.
    """
    if len(text) <= limit:
        return text
    cut = text.rfind(" ", limit * 4 // 5, limit)
    if cut < 0:
        ends = accumulate(map(len, clusters(text)), initial=0)
        cut = max(end for end in ends if end < limit)
    return text[:cut].rstrip(" ,;:") + ELLIPSIS


def fitted(text: str, width: float, measure: Callable[[str], float]) -> str:
    """`text`, or as much of its start as fits in `width` with an ellipsis."""
    if measure(text) <= width:
        return text
    ends = list(accumulate(len(cluster) for cluster in clusters(text)))
    fits = bisect_left(ends, True, key=lambda end: measure(_ended(text, end)) > width)
    return _ended(text, ends[fits - 1] if fits else 0)


def _ended(text: str, end: int) -> str:
    return text[:end].rstrip() + ELLIPSIS


def wrap(text: str, width: float, measure: Measure) -> tuple[TextLine, ...]:
    """Break `text` into lines no wider than `width`: at spaces and beside Chinese and Japanese
    characters, inside a word only if necessary.

    `measure(start, stop)` is the width of a slice in the unit of `width`. A character wider than
    `width` gets its own line.
    """
    lines: list[TextLine] = []
    at = text.find(" ")
    space = measure(at, at + 1) if at >= 0 else 0.0
    used = 0.0
    for start, stop in _pieces(text, width, measure):
        needed = measure(start, stop)
        gap = space if start and text[start - 1] == " " else 0.0
        if lines and used + gap + needed <= width:
            lines[-1] = TextLine(lines[-1].start, stop)
            used += gap + needed
        else:
            lines.append(TextLine(start, stop))
            used = needed
    return tuple(lines)


def _pieces(text: str, width: float, measure: Measure) -> Iterator[tuple[int, int]]:
    for start, stop in unbroken(text):
        while stop - start > LONG or measure(start, stop) > width:
            cut = _longest(text, start, stop, width, measure)
            if cut == stop:
                break
            yield start, cut
            start = cut
        yield start, stop


@lru_cache(maxsize=16)
def unbroken(text: str) -> tuple[tuple[int, int], ...]:
    """The slices between which a line may end: words and single wide characters."""
    found = []
    for word in _WORDS.finditer(text):
        start, stop = word.span()
        if not word.group().isascii():
            for wide in _BESIDE_WIDE.finditer(text, start, stop):
                end = wide.end()
                if start < end < stop and _may_end(text, end):
                    found.append((start, end))
                    start = end
        found.append((start, stop))
    return tuple(found)


def whole_words(text: str) -> Iterator[tuple[int, int]]:
    """Slices of the words that should not be broken: of natural length, in scripts with spaces,
    without emoji."""
    for start, stop in unbroken(text):
        if stop - start <= LONG and (
            text.isascii() or not _WITHOUT_SPACES.search(text, start, stop)
        ):
            yield start, stop


def _may_end(text: str, end: int) -> bool:
    follows = text[end]
    return (
        follows not in NEVER_FIRST
        and text[end - 1] not in NEVER_LAST
        and not is_selector(follows)
        and not _is_mark(follows)
    )


def _longest(text: str, start: int, stop: int, width: float, measure: Measure) -> int:
    """The end of the longest part of a word that fits in `width`, at least one character.

    Thai and Lao have no spaces: a vowel written before its consonant starts a syllable.
    """
    ends = [start + end for end in accumulate(map(len, clusters(text[start:stop])))]
    if len(ends) > LONG:
        fits = _estimated(start, ends, width, measure)
    else:
        fits = max(1, bisect_left(ends, True, key=lambda end: measure(start, end) > width))
    if fits == len(ends):
        return stop
    late = ends[fits * 3 // 4 : fits]
    syllables = (end for end in reversed(late) if text[end] in LEADING_VOWELS)
    anywhere = (end for end in reversed(late) if _may_end(text, end))
    return next(syllables, next(anywhere, ends[fits - 1]))


def _estimated(start: int, ends: list[int], width: float, measure: Measure) -> int:
    """How many characters of a long word fit, from the width of each.

    Measuring long slices repeatedly takes seconds in scripts whose letters join.
    """
    singles = accumulate(measure(*pair) for pair in pairwise((start, *ends)))
    fits = max(1, bisect_right(list(singles), width))
    while fits > 1 and measure(start, ends[fits - 1]) > width:
        fits -= 1
    return fits


def _spaced(text: str) -> str:
    spaced = (" " if char.isspace() else char for char in text)
    return "".join(char for char in spaced if not _invisible(char))


def _invisible(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cc", "Cf", "Cs")
        and char not in JOINERS
        and not 0xE0020 <= ord(char) <= 0xE007F
    )
