"""The line of every key, in whatever way TOML lets it be written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from hubtools.cards.toml_lines import KeyPath, key_lines, line_of
from tests.cards.samples import CYBORG, HARBOUR

DOCUMENT = '''# a comment with "quotes" and [brackets]
repo = "a"  # repo = "b"
tags = [
  "one",  # ]
  "two", ["three",
    'four'],
]
"quoted \\u0041.b" . c = 1

text = """
state = "no key"
[[accounts]]
"" \\""" """
raw = \'\'\'
x = 1\'\'\'\'\'
inline = {a = 1, b = {c = "}", d = [1, 2]}, "e f" = 2024-01-02 03:04:05}
when = 2024-01-02 03:04:05
[[accounts]]
handle = "one"
[accounts.posts]
kept = 1
[[accounts]]
handle = "two"
  [[accounts.runs]]
  url = "u"
[deep.er.est]
x = 1
'''


def test_each_key_is_found_at_its_line() -> None:
    lines = key_lines(DOCUMENT)
    expected: dict[KeyPath, int] = {
        ("repo",): 2,
        ("tags",): 3,
        ("tags", 0): 4,
        ("tags", 1): 5,
        ("tags", 2): 5,
        ("tags", 2, 1): 6,
        ("quoted A.b", "c"): 8,
        ("text",): 10,
        ("raw",): 14,
        ("inline", "b", "d", 1): 16,
        ("inline", "e f"): 16,
        ("when",): 17,
        ("accounts",): 18,
        ("accounts", 0): 18,
        ("accounts", 0, "handle"): 19,
        ("accounts", 0, "posts"): 20,
        ("accounts", 0, "posts", "kept"): 21,
        ("accounts", 1): 22,
        ("accounts", 1, "handle"): 23,
        ("accounts", 1, "runs", 0): 24,
        ("accounts", 1, "runs", 0, "url"): 25,
        ("deep", "er", "est", "x"): 27,
    }
    assert {path: lines[path] for path in expected} == expected
    assert ("state",) not in lines
    assert line_of(("accounts", 1, "avatar"), lines) == 22
    assert line_of(("nothing",), lines) == 1


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        inner
        for key, item in items
        for inner in [(*path, key), *(paths(item, (*path, key)) if nested(item) else [])]
    ]


def nested(value: Any) -> bool:
    return isinstance(value, dict | list)


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False) | TEXT | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_no_key_of_any_document_is_missed(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    lines = key_lines(text)
    assert set(paths(tomllib.loads(text))) == set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@pytest.mark.parametrize("card", [HARBOUR, CYBORG], ids=lambda card: card.repo)
def test_the_line_shows_the_key(card: Any) -> None:
    from dataclasses import replace

    from hubtools.cards.card_file import card_toml

    text = card_toml(replace(card, prose=None))
    for path, line in key_lines(text).items():
        if isinstance(path[-1], str):
            assert path[-1] in text.splitlines()[line - 1]
