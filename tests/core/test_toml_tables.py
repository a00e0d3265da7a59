"""The fast reader of TOML reads what tomllib reads, and nothing that tomllib does not."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from hubtools.cards.card_file import card_toml
from hubtools.core.toml_tables import parse_toml
from tests.cards.samples import CYBORG, HARBOUR, RETIRED

DOCUMENTS = tuple(card_toml(replace(card, prose=None)) for card in (HARBOUR, CYBORG, RETIRED))
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
VALUES = st.recursive(
    st.integers() | st.booleans() | st.floats() | TEXT | st.datetimes() | st.dates() | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from(
    ["'''", '"""', "\\", "\\e", "\\x41", "\\u00e9", "=", "[[", "]", "{", "}", ",", ".", "#", "\n",
     "\r", "\t", "\0", "\x7f", "\ufeff", "07:32", "1979-05-27", "0x", "1_0", "1e400", "+", "-",
     "nan", " ", "é", "ключ", "🤖", "'", '"']
)  # fmt: skip


def read(parse: Any, text: str) -> str:
    try:
        return repr(parse(text))
    except tomllib.TOMLDecodeError as error:
        return f"TOMLDecodeError: {error}"


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_any_data(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    assert read(parse_toml, text) == read(tomllib.loads, text)


@given(st.sampled_from(DOCUMENTS), st.lists(st.tuples(st.integers(0, 2000), PIECES), max_size=3))
def test_any_damage(text: str, damage: list[tuple[int, str]]) -> None:
    for at, piece in damage:
        text = text[: at % len(text)] + piece + text[at % len(text) + 1 :]
    assert read(parse_toml, text) == read(tomllib.loads, text)


ONLY_IN_1_1 = (
    'a = "\\e"',
    'a = "\\x41"',
    "a = {b = 1,}",
    "a = {\nb = 1}",
    "a = 07:32",
    "\ufeffa = 1",
)


@pytest.mark.parametrize("text", ONLY_IN_1_1)
def test_toml_1_1_is_not_read(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        parse_toml(text)
