"""Mojibake is turned back; a name that is merely unusual stays as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.mojibake import mend, mend_by
from tests.cards.old_cards import misread

CLEAN = (
    "José ™", "Łódź ½", "ñandú Ω", "naïve café ß", "Ümit Ö", "üöä", "äöüß ÄÖÜ", "CAFÉ™", "CAFÉ®",
    "café™®", "“État”", "«Ça»", "…été", "日本語", "مرحبا", "שלום", "🤖👩‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "Ã", "São Tomé", "ÀÉ",
    "Ωmega™", "§ü§", "Müßé", "Zoë ♥ Ñ", "‡†", "ÅÄÖ", "ÉÉÉ", "ÐŸ", "½ñ", "Ü¡Ñ", "Ç’est", "𝓐𝓵𝓲𝓬𝓮",
    "Ελλάδα", "Привет", "हिन्दी", "ไทย", "한국어", "ˢᵐᵃˡˡ", "(╯°□°)╯︵ ┻━┻", "¯\\_(ツ)_/¯", "plain",
)  # fmt: skip
DAMAGED = ("🤖", "🥚❤️", "“quoted” – dash…", "Ann 🎤 Bo", "✨", "👩‍👩‍👧")
SHOWN = re.compile(r"(\S+) AI BOT")


@pytest.mark.parametrize("text", CLEAN)
def test_unusual_text_stays(text: str) -> None:
    assert mend(text) == text
    assert mend_by(f"🤖 AI BOT {text}", "🤖", SHOWN) == f"🤖 AI BOT {text}"


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_what_nobody_types_is_turned_back_without_a_witness(text: str, encoding: str) -> None:
    assert mend(misread(text, encoding)) == text


@pytest.mark.parametrize("text", ["José", "naïve café", "Jesús", "Ñandú", "Zoë"])
def test_latin_letters_read_as_windows_1252_are_turned_back(text: str) -> None:
    assert mend(misread(text, "cp1252")) == text


@pytest.mark.parametrize("lost", ["\uf8ff", ""])
@pytest.mark.parametrize("text", ["🤖 Łódź 🥚❤️", "日本 José", "𝓐𝓵𝓲𝓬𝓮 “x”", "👩‍👩‍👧"])
def test_a_witness_tells_how_to_turn_back_all_of_it(text: str, lost: str) -> None:
    card = misread(f"🤖 AI BOT {text}", "mac_roman").replace("\uf8ff", lost)
    assert mend_by(card, "🤖", SHOWN) == f"🤖 AI BOT {text}"
    card = misread(f"🤖 AI BOT {text}", "cp1252")
    assert mend_by(card, "🤖", SHOWN) == f"🤖 AI BOT {text}"


def test_what_was_written_later_into_a_damaged_card_stays() -> None:
    card = misread("🤖 AI BOT Ann", "cp1252") + " café ™"
    assert mend_by(card, "🤖", SHOWN) == "🤖 AI BOT Ann café ™"


LETTERS = st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="\u0085")


@given(st.text(LETTERS, max_size=30), st.sampled_from(["cp1252", "mac_roman"]))
def test_with_a_witness_any_text_comes_back(text: str, encoding: str) -> None:
    card = misread(f"🤖 AI BOT {text}", encoding)
    assert mend_by(card, "🤖", SHOWN) == f"🤖 AI BOT {text}"


@given(st.text(st.characters(codec="ascii")))
def test_plain_text_is_never_touched(text: str) -> None:
    assert mend(text) == text
