"""Directions: expected orders are those of the Unicode Bidirectional Algorithm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.pictures.bidi import in_visual_order, is_right_to_left, levels


def shown(text: str, base: int) -> str:
    return "".join(in_visual_order(text, levels(text, base)))


@pytest.mark.parametrize(
    ("text", "base", "visual"),
    [
        ("abc אבג def", 0, "abc גבא def"),
        ("abc אבג def", 1, "def גבא abc"),
        ("אבג 123", 1, "123 גבא"),
        ("אבג 123 abc", 0, "123 גבא abc"),
        ("אבג, abc.", 1, ".abc ,גבא"),
        ("مرحبا ١٢٣ 45", 1, "45 ١٢٣ ابحرم"),
        ("$10 אב", 1, "בא $10"),
        ("1-2 אב", 1, "בא 1-2"),
        ("אב 1.5%", 1, "1.5% בא"),
        ("אב (cd) הו", 1, "וה (cd( בא".replace("(cd(", ")cd(")),
        ("a (אב) c", 0, "a (בא) c"),
        ("abc ", 1, " abc"),
        ("\ufffc אב", 1, "בא \ufffc"),
        ("אב \ufffc", 0, "בא \ufffc"),
        ("אב \ufffc גד", 0, "דג \ufffc בא"),
        ("", 1, ""),
    ],
)
def test_visual_order(text: str, base: int, visual: str) -> None:
    assert shown(text, base) == visual


@pytest.mark.parametrize(
    ("text", "leftwards"),
    [("My שלום", False), ("שלום My", True), ("12 مرحبا", True), ("🚢 12", False), ("", False)],
)
def test_the_first_letter_decides(text: str, leftwards: bool) -> None:
    assert is_right_to_left(text) == leftwards


@given(st.text(alphabet="ab אבع12٣ .,-+$%\u0301()[]"), st.integers(0, 1))
def test_every_character_is_shown_once_and_levels_are_plausible(text: str, base: int) -> None:
    found = levels(text, base)
    assert sorted(shown(text, base)) == sorted(text)
    assert all(base <= level <= 2 for level in found)
    for char, level in zip(text, found, strict=True):
        if char in "אבع":
            assert level == 1
        if char in "ab":
            assert level == 2 * base


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF)))
def test_text_without_such_letters_stays_as_it_is(text: str) -> None:
    assert shown(text, 0) == text
