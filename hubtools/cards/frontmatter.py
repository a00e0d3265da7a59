"""YAML front matter: dumped from data by one emitter, never templated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from hubtools.cards.yaml_emitter import emit_yaml
from hubtools.errors import CardError

_BLOCK = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


def dump_front_matter(data: Mapping[str, Any]) -> str:
    """`data` between two lines of `---`, keys in their order, emoji as themselves, no wrapping.

    Strings are quoted wherever a reader of YAML 1.1 or YAML 1.2 could take them for something
    else.
    """
    return f"---\n{emit_yaml(data)}---\n"


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The front matter's data and the rest of a README; no front matter is an empty mapping.

    Raises CardError when the front matter is not a YAML mapping.
    """
    match = _BLOCK.match(text)
    if match is None:
        return {}, text
    try:
        data = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise CardError(f"front matter: {problem}", where=f"line {line}") from error
    if data is not None and not isinstance(data, dict):
        raise CardError("front matter is not a mapping of keys to values", where="line 1")
    return data or {}, text[match.end() :]
