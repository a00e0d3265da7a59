"""YAML front matter: written from data by one emitter, never templated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import yaml

from hubtools.cards.escape import visible
from hubtools.cards.yaml_emitter import emit_yaml
from hubtools.cards.yaml_reader import read_yaml
from hubtools.core.errors import CardError

_MAX_NESTING = 500  # levels that fit into half of a small thread's stack (512 KiB on macOS)
_MOST_UNCLOSED = 20_000
_COMMENT_START = re.compile(r"\A#+ ?")
_BLOCK = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


def dump_front_matter(data: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """`data` between two lines of `---`, keys in their order, emoji as themselves, no wrapping.

    `comments` come first, one per line. Strings are quoted wherever a YAML 1.1 or 1.2 reader could
    read them as something else.
    """
    head = "".join(f"# {_COMMENT_START.sub('', visible(text))}\n" for text in comments)
    return f"---\n{head}{emit_yaml(data)}---\n"


def read_front_matter(text: str) -> tuple[dict[str, Any], tuple[str, ...], str]:
    """The front matter's data as `hubtools.cards.yaml_reader` keeps it, its comments, and the rest.

    Raises CardError with the line for anything but a YAML mapping, and for what cannot be kept.
    """
    match = _BLOCK.match(text)
    if match is None:
        return {}, (), text
    data, comments = read_yaml(match[1])
    plain = (_COMMENT_START.sub("", visible(comment)) for comment in comments)
    return data, tuple(comment for comment in plain if comment), text[match.end() :]


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The front matter's data and the rest of a README; no front matter is an empty mapping.

    Raises CardError when the front matter is not a YAML mapping.
    """
    match = _BLOCK.match(text)
    if match is None:
        return {}, text
    try:
        data = _load(match[1])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise CardError(f"front matter: {problem}", where=f"line {line}") from error
    if data is not None and not isinstance(data, dict):
        raise CardError("front matter is not a mapping of keys to values", where="line 1")
    return data or {}, text[match.end() :]


def _load(text: str) -> Any:
    """The YAML as data, through libyaml where that is safe: eight times faster.

    libyaml recurses in C without a limit, so deeply nested text goes to the Python loader. What
    libyaml refuses is read again, so that error messages are the same everywhere.
    """
    unclosed = text.count("[") + text.count("{") - text.count("]") - text.count("}")
    if unclosed > _MOST_UNCLOSED:
        raise yaml.YAMLError("nested too deeply")  # the Python loader would take seconds
    if yaml.__with_libyaml__ and _most_nested(text) < _MAX_NESTING:
        with suppress(yaml.YAMLError, ValueError):
            return yaml.load(text, Loader=yaml.CSafeLoader)
    return yaml.safe_load(text)


def _most_nested(text: str) -> int:
    """An upper bound for the levels of nesting.

    Each level takes a bracket or another column; a list may start in its key's column.
    """
    indents = (len(line) - len(line.lstrip(" \t?-")) for line in text.splitlines())
    return text.count("[") + text.count("{") + 2 * max(indents, default=0)
