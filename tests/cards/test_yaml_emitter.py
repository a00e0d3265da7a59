"""Our emitter writes what PyYAML's pure one writes, emoji and overlong keys apart."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hubtools.cards import yaml_emitter
from hubtools.cards.frontmatter import dump_front_matter
from hubtools.cards.metadata import front_matter
from hubtools.cards.yaml_emitter import emit_yaml
from tests.cards.samples import CYBORG, HARBOUR, HOSTILE_TEXTS


class Dumper(yaml.SafeDumper):
    """PyYAML with our choice of quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = yaml_emitter._string(text) == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


Dumper.add_representer(str, quoted)


def pyyaml(data: Any) -> str:
    text = yaml.dump(
        data,
        Dumper=Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
        width=float("inf"),
    )
    return re.sub(r"\\U([0-9A-F]{8})|\\.", emoji, text)


def emoji(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[0]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda key: len(key.splitlines()) == 1 and not re.search(r"[\n\x85\u2028\u2029]", key)
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(HOSTILE_TEXTS)
    | st.dates()
    | st.datetimes()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_data_is_written_as_pyyaml_writes_it(data: dict[str, Any]) -> None:
    assert emit_yaml(data) == pyyaml(data)


@pytest.mark.parametrize("card", [HARBOUR, CYBORG], ids=lambda card: card.repo)
def test_a_card_is_written_as_pyyaml_writes_it(card: Any) -> None:
    data = front_matter(card, None)
    assert dump_front_matter(data) == f"---\n{pyyaml(data)}---\n"


def test_emoji_stand_as_themselves() -> None:
    assert emit_yaml({"name": "🤖 ⚓ 👩‍👩"}) == 'name: "🤖 ⚓ 👩‍👩"\n'


LONG = "k" * 5000


@pytest.mark.parametrize("key", ["", "two\nlines", "k" * 200, "é" * 999, LONG, LONG + "\n"])
@pytest.mark.parametrize("value", [1, [1, [2]], {"a": [1]}, [{"a": {"b": 1}}], {}, []])
def test_odd_keys_read_back(key: str, value: Any) -> None:
    data = {"first": 1, key: value, "last": {key: value}}
    text = emit_yaml(data)
    assert yaml.safe_load(text) == data
    assert YAML(typ="safe", pure=True).load(text) == data


def test_what_yaml_has_no_type_for() -> None:
    assert emit_yaml({"at": time(1, 2)}) == 'at: "01:02:00"\n'
    assert emit_yaml({"on": date(2021, 8, 29), "then": datetime(2021, 8, 29, 1)}) == (
        '"on": 2021-08-29\nthen: 2021-08-29 01:00:00\n'
    )
    assert emit_yaml({}) == "{}\n"
    with pytest.raises(TypeError, match="cannot hold a set"):
        emit_yaml({"a": {1}})
