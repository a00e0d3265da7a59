"""The schema of `cards/NAME.toml`: as JSON Schema for editors, and every violation of it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

import msgspec

from hubtools.cards import limits
from hubtools.cards.card import Card
from hubtools.cards.toml_lines import KeyPath
from hubtools.core.toml_tables import dataclass_in, field_types

DIALECT = "https://json-schema.org/draft/2020-12/schema"


Rule = Literal[
    "unreadable", "toml", "unknown-key", "missing-key", "type", "repository", "length", "empty",
    "identifier", "address", "missing-file", "count", "front-matter", "template",
]  # fmt: skip
"""Names of what can be wrong, for programs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the value at `path`; `what` is a phrase without the path."""

    path: KeyPath
    rule: Rule
    what: str

    @property
    def message(self) -> str:
        """The problem in one line, the path before it."""
        text = f"{path_text(self.path)}: {self.what}" if self.path else self.what
        return " ".join(text.split())


def card_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a card's TOML, made from the Card dataclass."""
    schema = msgspec.json.schema(Card)
    definitions: dict[str, Any] = schema.pop("$defs")
    for kind in _dataclasses(Card, {}).values():
        definition = definitions[kind.__name__]
        definition["additionalProperties"] = False
        for name, text in _field_docs(kind).items():
            definition["properties"][name]["description"] = text
    card = definitions.pop(Card.__name__)
    del card["properties"]["prose"]  # stands in NAME.md
    for path, longest in limits.LONGEST.items():
        _add_limit(card, definitions, path, longest)
    card["properties"]["repo"]["pattern"] = limits.REPO_PATTERN
    for definition in (card, *definitions.values()):
        for value in definition["properties"].values():
            _without_null(value)
    return {"$schema": DIALECT, "title": "hubtools card", **card, "$defs": definitions}


def mistakes(value: Any, kind: Any, path: KeyPath = ()) -> Iterator[Problem]:
    """Every unknown key, missing key and value of another type in a table read from TOML."""
    found = dataclass_in(kind)
    if found is not None and isinstance(value, Mapping):
        yield from _of_table(value, found, path)
    elif found is not None and isinstance(value, list) and get_origin(kind) is tuple:
        for index, item in enumerate(value):
            yield from mistakes(item, get_args(kind)[0], (*path, index))
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            what, _, inner = str(error).replace("`", "").partition(" - at $")
            place: KeyPath = (*path, *(int(index) for index in re.findall(r"\[(\d+)\]", inner)))
            yield Problem(place, "type", f"{what[:1].lower()}{what[1:]}")


def path_text(path: KeyPath) -> str:
    """A path as people write it: `accounts[0].handle`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _of_table(table: Mapping[str, Any], kind: Any, path: KeyPath) -> Iterator[Problem]:
    types = {name: type for name, type in field_types(kind).items() if name != "prose"}
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in table:
            yield Problem((*path, field.name), "missing-key", "missing")
    for key, value in table.items():
        if key in types:
            yield from mistakes(value, types[key], (*path, key))
        else:
            yield Problem((*path, key), "unknown-key", _unknown(key, list(types), path))


def _unknown(key: str, known: list[str], path: KeyPath) -> str:
    if key == "prose" and not path:
        return "unknown key. Prose belongs in a .md file with the card's name"
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(known)}"
    return f"unknown key. {hint}"


def _dataclasses(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    found[kind.__name__] = kind
    for type in field_types(kind).values():
        inner = dataclass_in(type)
        if inner is not None and inner.__name__ not in found:
            _dataclasses(inner, found)
    return found


def _field_docs(kind: Any) -> dict[str, str]:
    """The string below each field of a dataclass, where there is one."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            docs[field.target.id] = inspect.cleandoc(str(below.value.value))
    return docs


def _add_limit(
    card: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...], longest: int
) -> None:
    """Say that the strings at `path`, `*` for any position, have at most so many characters."""
    node = card
    for part in path:
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        node = node["items"] if part == "*" else node["properties"][part]
    for choice in (node, *node.get("anyOf", ())):
        if choice.get("type") == "string":
            choice["maxLength"] = longest


def _without_null(node: dict[str, Any]) -> None:
    """TOML has no null: what is not known is absent."""
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if choices:
        del node["anyOf"]
        node.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
    if "enum" in node:
        node["enum"] = [value for value in node["enum"] if value is not None]
    if node.get("default", node) is None:
        del node["default"]
