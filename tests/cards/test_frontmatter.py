"""Front matter reads back as what went in, by a YAML 1.1 and a YAML 1.2 reader."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hubtools.cards.frontmatter import dump_front_matter, split_front_matter
from hubtools.core.errors import CardError
from tests.cards.samples import HOSTILE_TEXTS

TRICKY = (
    "no", "Yes", "ON", "y", "null", "~", "1.10", "1e3", "0o17", "0x1F", "012", "1_000", ".5",
    "@handle", "2021-08-29", "12:30:45", "emoji 🤖👩‍👩‍👧", "Foo: bar", "- dash", "#c", "a #c", "%x",
    "*a", "&a b", "!t", "? q", "[x]", "{x}", "'", '"', "`", "|", ">", "", " lead", "trail ",
    "---", "...", "two\nlines", "tab\there", "\x85", "\u2028", "=", "<<", "nan", ".inf", "+1",
)  # fmt: skip


def read_both(text: str) -> tuple[Any, Any]:
    body = text.removeprefix("---\n").removesuffix("---\n")
    return yaml.safe_load(body), YAML(typ="safe", pure=True).load(body)


@pytest.mark.parametrize("value", [*TRICKY, *HOSTILE_TEXTS])
def test_a_string_stays_that_string(value: str) -> None:
    data = {"key": value, "list": [value], value or "empty": 1}
    assert read_both(dump_front_matter(data)) == (data, data)
    assert split_front_matter(dump_front_matter(data) + "\nbody\n") == (data, "\nbody\n")


PLAIN = st.characters(codec="utf-8", exclude_categories=("Cs",))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(PLAIN, max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(PLAIN, max_size=6), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(PLAIN, min_size=1, max_size=8), VALUES, min_size=1, max_size=4))
def test_any_data_round_trips(data: dict[str, Any]) -> None:
    assert read_both(dump_front_matter(data)) == (data, data)


def test_emoji_stand_as_themselves_and_long_lines_are_not_wrapped() -> None:
    text = dump_front_matter({"text": "⚓ " + "long " * 60})
    assert "⚓" in text
    assert len(text.splitlines()) == 3


def test_a_readme_without_front_matter_is_all_body() -> None:
    assert split_front_matter("# Title\n\n---\nnot: yaml\n---\n") == (
        {},
        "# Title\n\n---\nnot: yaml\n---\n",
    )


@pytest.mark.parametrize("text", ["---\na: [1\n---\n", "---\n- a\n- b\n---\n"])
def test_broken_front_matter_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(CardError, match="line"):
        split_front_matter(text)
