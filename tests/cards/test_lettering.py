"""Cleaning text for a font, and breaking it into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.cards.lettering import clipped, clusters, drawable, fitted, steered, wrap

ASCII = frozenset(range(32, 127))


def count(text: str) -> float:
    return float(len(text))


def lines(text: str, width: float) -> list[str]:
    wrapped = wrap(text, width, lambda start, stop: float(stop - start))
    return [text[line.start : line.stop] for line in wrapped]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("ab", ["a", "b"]),
        ("e\u0301x", ["e\u0301", "x"]),
        ("👩‍🚀👍🏽", ["👩‍🚀", "👍🏽"]),
        ("🇩🇰🇸🇪🇳", ["🇩🇰", "🇸🇪", "🇳"]),
        ("1️⃣2", ["1️⃣", "2"]),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿!", ["🏴󠁧󠁢󠁳󠁣󠁴󠁿", "!"]),
        (" \u0301", [" ", "\u0301"]),
        ("", []),
    ],
)
def test_clusters(text: str, whole: list[str]) -> None:
    assert list(clusters(text)) == whole


def test_what_is_left_out_is_named_once_in_order() -> None:
    lettering = drawable("a 🚢 b 🌊🚢 ", ASCII)
    assert lettering.text == "a b "
    assert lettering.left_out == ("🚢", "🌊")


def test_an_emoji_of_known_parts_is_not_taken_apart() -> None:
    glyphs = ASCII | {ord("❤"), ord("🔥")}
    assert drawable("❤️", glyphs).text == "❤"
    assert drawable("❤️‍🔥", glyphs).left_out == ("❤️‍🔥",)


@given(st.text())
def test_only_glyphs_remain(text: str) -> None:
    lettering = drawable(text, ASCII)
    assert all(ord(char) in ASCII for char in lettering.text)
    assert "  " not in lettering.text
    assert drawable(lettering.text, ASCII).text == lettering.text


@given(st.text(alphabet="ab é👍🏽"), st.integers(1, 12))
def test_lines_hold_all_words_and_fit(text: str, width: int) -> None:
    text = " ".join(text.split())
    broken = lines(text, width)
    assert "".join(broken).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= width or len(list(clusters(line))) == 1 for line in broken)


def test_words_stay_whole_where_they_can() -> None:
    assert lines("the fog says no", 8) == ["the fog", "says no"]
    assert lines("a lighthouse b", 6) == ["a", "lighth", "ouse b"]
    assert lines("", 5) == []


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("the fog", 7, "the fog"),
        ("the fog says no", 14, "the fog says…"),
        ("lighthouse", 5, "ligh…"),
        ("ligh👍🏽house", 6, "ligh…"),
    ],
)
def test_clipped(text: str, limit: int, cut: str) -> None:
    assert clipped(text, limit) == cut


@given(st.text(), st.integers(1, 20))
def test_fitted_is_as_long_as_it_may_be(text: str, width: int) -> None:
    shown = fitted(text, width, count)
    assert len(shown) <= width
    assert shown == text or shown.endswith("…")


def test_fitted_keeps_characters_whole() -> None:
    assert fitted("Harbour Log", 8, count) == "Harbour…"
    assert fitted("ab👍🏽c", 4, count) == "ab…"


def test_steered() -> None:
    assert steered("⚓ ש", like="My ⚓ ש") == "\u200e⚓ ש"
    assert steered("My", like="שלום My") == "\u200fMy"
    assert steered("1", like="1") == "1"
