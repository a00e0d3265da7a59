"""Front matter that others wrote, read so that it can be written back without loss.

Plain values mean what they mean to the Hub, which reads YAML 1.2: `no`, `on` and `12:30` are
strings. A value that TOML has no type for (null) or that would be written differently (`1.10`,
`0x1F`, `2021-08-29T10:00:00Z`) becomes a table `{yaml = "1.10"}`, as does a mapping whose only key
is `yaml`; `to_yaml` reverses this. Keys become text. Aliases and `<<` are expanded. Comments are
kept, but not their places. What cannot be kept is an error: a duplicate key, a custom tag, a key
that is not a plain value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import yaml
from yaml.tokens import StreamEndToken

from hubtools.cards.yaml_emitter import Verbatim, emit_yaml
from hubtools.core.errors import CardError

VERBATIM = "yaml"
_MAX_NODES = 50_000  # aliases let a few lines expand to gigabytes
_TAG = "tag:yaml.org,2002:"
_DAY = r"\d{4}-\d\d?-\d\d?"
_SAFE_PLAIN = re.compile(r"[A-Za-z0-9_.+~:-]*")
_COMMENT = re.compile(r"(?:(?<=\s)|\A)#[^\n]*")


class _Loader(yaml.SafeLoader):
    """Resolves plain values as YAML 1.2 does, and dates and `<<` besides, as js-yaml does."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("timestamp", rf"{_DAY}(?:(?:[Tt]|[ \t]+)[\d:.]+[ \t]*(?:Z|[-+][\d:]+)?)?", "0123456789"),
    ("merge", r"<<", "<"),
):
    _firsts = [c if c != "\0" else "" for c in _first]
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), _firsts)


def read_yaml(text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The mapping in `text`, ready for TOML, and its comments.

    Raises CardError, with the line in the README, for invalid YAML, for anything but a mapping, and
    for what cannot be kept.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise CardError("front matter is not a mapping of keys to values", where="line 1")
        reader = _NodeReader()
        return (reader.mapping(node) if node else {}), tuple(_comments(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"front matter: {getattr(error, 'problem', None) or 'not valid YAML'}"
        raise CardError(what, where=f"line {mark.line + 2 if mark else 1}") from error
    except RecursionError as error:
        raise CardError("front matter is nested too deeply", where="line 1") from error


class _NodeReader:
    def __init__(self) -> None:
        self._left = _MAX_NODES

    def value(self, node: yaml.Node) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _refused("holds too many values", node)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            mapping = self.mapping(node)
            if list(mapping) == [VERBATIM] and isinstance(mapping[VERBATIM], str):
                return {VERBATIM: json.dumps(mapping)}
            return mapping
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise _refused(f"has a tag that cannot be kept, {node.tag!r}", node)

    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("has a key that is not a plain value", key)
            if key.tag == _TAG + "merge":
                merged = self._merged(value) | merged
                continue
            if key.value in found:
                raise _refused(f"has the key {key.value!r} twice", key)
            found[key.value] = self.value(value)
        return {**found, **{k: v for k, v in merged.items() if k not in found}}

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in nodes:
            if not isinstance(part, yaml.MappingNode):
                raise _refused("merges something other than a mapping", part)
            merged = self.mapping(part) | merged
        return merged


def _refused(what: str, node: yaml.Node) -> CardError:
    return CardError(f"front matter {what}", where=f"line {node.start_mark.line + 2}")


def _scalar(node: yaml.ScalarNode) -> Any:
    kind, text = node.tag.removeprefix(_TAG), str(node.value)
    if kind in ("str", "merge"):
        return text
    if node.style is not None or kind not in ("null", "bool", "int", "float", "timestamp"):
        raise _refused(f"has a tag that cannot be kept, {node.tag!r}", node)
    value = _typed(kind, text)
    same = value is not None and emit_yaml({"k": value}) == f"k: {text}\n"
    return value if same else {VERBATIM: text}


def _typed(kind: str, text: str) -> Any:
    try:
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        if kind == "timestamp":
            return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None
    return None


def to_yaml(value: Any) -> Any:
    """A value of `[metadata]` with each `{yaml = TEXT}` as that YAML.

    Raises CardError unless TEXT is one value on one line.
    """
    if isinstance(value, Mapping):
        if list(value) == [VERBATIM] and isinstance(value[VERBATIM], str):
            return Verbatim(_checked(value[VERBATIM]))
        return {key: to_yaml(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_yaml(item) for item in value]
    return value


def _checked(text: str) -> str:
    if _SAFE_PLAIN.fullmatch(text) and not re.search(r":\Z|\A[-:.]*-\Z", text):
        return text
    try:
        node = yaml.compose(text, Loader=_Loader)
        one = node is not None and text.isprintable() and text.startswith(('{"', '"'))
        if one and not list(_comments(text)):
            return text
    except (yaml.YAMLError, RecursionError):
        pass
    raise CardError(
        f"{{yaml = {text[:60]!r}}} is not one value on one line",
        where="metadata",
        fix='Write a plain value such as "1.10" or "null", or use TOML\'s own types',
    )


def _comments(text: str) -> Iterator[str]:
    position = 0
    for token in yaml.scan(text, Loader=_Loader):
        start = token.start_mark.index
        if start > position or isinstance(token, StreamEndToken):
            yield from (m[0].rstrip() for m in _COMMENT.finditer(text, position, start))
        position = max(position, token.end_mark.index)
    yield from (m[0].rstrip() for m in _COMMENT.finditer(text, position))
