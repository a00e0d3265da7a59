"""YAML front matter: dumped from data by one emitter, never templated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from hubtools.errors import CardError

# Plain style is used only where no reader of YAML 1.1 or 1.2 can see anything but this string.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*(?: [A-Za-z][A-Za-z0-9]*)*")
# Of YAML 1.1 and 1.2, in any case.
_RESERVED = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"]
)
_BLOCK = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    """The pure emitter: the C one escapes emoji even with `allow_unicode`."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def dump_front_matter(data: Mapping[str, Any]) -> str:
    """`data` between two lines of `---`, keys in their order, emoji as themselves, no wrapping.

    Strings are quoted wherever a reader of YAML 1.1 or YAML 1.2 could take them for something
    else.
    """
    body = yaml.dump(
        dict(data),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
        width=float("inf"),
    )
    return f"---\n{body}---\n"


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
