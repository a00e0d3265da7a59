"""A TOML table as a frozen dataclass: unknown keys and wrong types are errors that name the key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from hubtools.core.errors import HubtoolsError

T = TypeVar("T")


def read_toml(file: Path, error: type[HubtoolsError]) -> dict[str, Any]:
    """The tables of a TOML file; raises `error` with the file and what is wrong with it."""
    try:
        data = file.read_bytes()
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror or cause}", where=file) from cause
    return toml_tables(data, file, error)


def toml_tables(data: bytes, where: Path, error: type[HubtoolsError]) -> dict[str, Any]:
    """The tables in the bytes of a TOML file; raises `error` with `where` and what is wrong."""
    try:
        return tomllib.loads(data.decode().replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as cause:
        raise error(f"not valid TOML: {cause}", where=where) from cause
    except UnicodeDecodeError as cause:
        raise error(f"not UTF-8 (byte {cause.start})", where=where) from cause


def decode(table: Mapping[str, Any], kind: type[T], where: Path, error: type[HubtoolsError]) -> T:
    """`table` as the dataclass `kind`.

    Raises `error` for a key that `kind` does not have (with the nearest that it has), a missing
    key and a value of another type, each with the key's path from the top.
    """
    import msgspec

    for path, key, known in _unknown(dict(table), kind, ""):
        near = get_close_matches(key, known, n=1, cutoff=0.5)
        fix = f"Did you mean '{near[0]}'?" if near else f"Known here: {', '.join(known)}"
        raise error(f"unknown key '{path}{key}'", where=where, fix=fix)
    try:
        return msgspec.convert(table, type=kind)
    except msgspec.ValidationError as cause:
        what, _, path = str(cause).replace("`", "").partition(" - at $")
        raise error(what, where=f"{where}: {path.lstrip('.')}" if path else where) from cause


def _unknown(table: Any, kind: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Every key of `table` that the dataclasses in the type `kind` do not have."""
    if isinstance(table, list):
        for index, item in enumerate(table):
            yield from _unknown(item, kind, f"{path.rstrip('.')}[{index}].")
        return
    dataclass = dataclass_in(kind)
    if dataclass is None or not isinstance(table, dict):
        return
    hints = field_types(dataclass)
    for key, value in table.items():
        if key not in hints:
            yield path, key, list(hints)
        elif isinstance(value, dict | list):  # what TOML nests
            yield from _unknown(value, hints[key], f"{path}{key}.")


@lru_cache(maxsize=64)
def field_types(dataclass: Any) -> Mapping[str, Any]:
    """The fields of a dataclass in their order, with the type of each."""
    hints = get_type_hints(dataclass)
    return {f.name: hints[f.name] for f in fields(dataclass)}


@lru_cache(maxsize=256)
def dataclass_in(kind: Any) -> Any:
    """The dataclass that the type `kind` is, or holds; None without one."""
    if is_dataclass(kind):
        return kind
    return next((found for arg in get_args(kind) if (found := dataclass_in(arg))), None)
