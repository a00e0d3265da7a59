"""The shape of `cards/NAME.toml`: as a JSON Schema for editors, and every mistake against it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from hubtools.cards import limits
from hubtools.cards.card import Card
from hubtools.cards.toml_lines import KeyPath
from hubtools.core.toml_tables import dataclass_in, field_types

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the value at `path`."""

    path: KeyPath
    message: str


def card_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a card's TOML, made from the Card dataclass."""
    import msgspec

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
        yield from _of_type(value, kind, path)


def path_text(path: KeyPath) -> str:
    """A path as people write it: `accounts[0].handle`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _of_table(table: Mapping[str, Any], kind: Any, path: KeyPath) -> Iterator[Problem]:
    types = {name: type for name, type in field_types(kind).items() if name != "prose"}
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in table:
            yield Problem(path, f"missing key '{path_text((*path, field.name))}'")
    for key, value in table.items():
        if key in types:
            yield from mistakes(value, types[key], (*path, key))
        else:
            yield Problem((*path, key), _unknown(key, list(types), path))


def _unknown(key: str, known: list[str], path: KeyPath) -> str:
    what = f"unknown key '{path_text((*path, key))}'"
    if key == "prose" and not path:
        return f"{what}. Prose stands in a .md file of the card's name"
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f"{what}. Did you mean '{near[0]}'?" if near else f"{what}. Known: {', '.join(known)}"


def _of_type(value: Any, kind: Any, path: KeyPath) -> Iterator[Problem]:
    import msgspec

    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, inner = str(error).replace("`", "").partition(" - at $")
        place: KeyPath = (*path, *(int(index) for index in re.findall(r"\[(\d+)\]", inner)))
        yield Problem(place, f"{path_text(place)}: {what[:1].lower()}{what[1:]}")


def _dataclasses(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    """`kind` and all dataclasses that its fields hold, by name."""
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
