"""Cleaning text for a font, and breaking it into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.pictures.line_breaking import (
    DrawableText,
    clipped,
    clusters,
    drawable,
    fitted,
    han_language,
    plain,
    unbroken,
    wrap,
)


def ascii_only(cluster: str) -> str:
    letters = plain(cluster)
    return letters if letters.isascii() else ""


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
        ("👩‍👩‍👧‍👦👨🏿‍🚀", ["👩‍👩‍👧‍👦", "👨🏿‍🚀"]),
        ("क्षमा", ["क्ष", "मा"]),
        ("한국", ["한", "국"]),
        ("", []),
    ],
)
def test_clusters(text: str, whole: list[str]) -> None:
    assert list(clusters(text)) == whole


def test_what_is_left_out_is_named_once_in_order() -> None:
    drawn = drawable("a 🚢 b 🌊🚢 ", ascii_only)
    assert drawn.text == "a b "
    assert drawn.left_out == ("🚢", "🌊")


def test_a_pile_of_marks_is_cut() -> None:
    assert plain("x" + "\u0323" * 60) == "x" + "\u0323" * 3


def test_marks_may_stand_on_a_space() -> None:
    face = "( \u0361° \u035cʖ \u0361°)"
    assert drawable(f"so {face}  so", lambda cluster: cluster).text == f"so {face} so"
    assert pieces(f"so {face} so") == ["so", face, "so"]
    assert drawable("a \u0361b \ufe0fc", ascii_only) == DrawableText("a b c", ("\u0361",))


def test_joiners_stay_where_they_shape_letters() -> None:
    assert plain("ه\u200c") == "ه\u200c"
    assert plain("a\u200d") == "a"


@given(st.text())
def test_only_what_can_be_drawn_remains(text: str) -> None:
    drawn = drawable(text, ascii_only)
    assert drawn.text.isascii()
    assert "  " not in drawn.text
    assert drawable(drawn.text, ascii_only).text == drawn.text


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


def pieces(text: str) -> list[str]:
    return [text[start:stop] for start, stop in unbroken(text)]


def test_chinese_and_japanese_break_between_characters_but_not_before_a_stop() -> None:
    assert pieces("灯塔，雾。OK 「港」だ") == ["灯", "塔，", "雾。", "OK", "「港」", "だ"]
    assert lines("灯塔，雾说不行。", 4) == ["灯塔，雾", "说不行。"]


def test_korean_words_stay_whole() -> None:
    assert pieces("등대가 되고 싶다") == ["등대가", "되고", "싶다"]


def test_thai_breaks_before_a_vowel_that_begins_a_syllable() -> None:
    assert lines("ความฝันของฉันคือการเป็น", 22)[1].startswith("เ")


@pytest.mark.parametrize(
    ("text", "language"),
    [("灯台の夢", "ja"), ("灯塔", "zh-hans"), ("등대", "ko"), ("My dream", ""), ("夢 등대", "ko")],
)
def test_the_language_of_han_characters(text: str, language: str) -> None:
    assert han_language(text) == language


def test_han_characters_alone_take_the_language_around_them() -> None:
    assert han_language("港口", "ja") == "ja" and han_language("港口", "") == "zh-hans"
    assert han_language("港の", "zh-hans") == "ja" and han_language("Harbour", "ja") == ""
