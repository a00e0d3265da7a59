"""`cards/NAME.toml`: strict reading, and writing in one canonical order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tomlkit
from tomlkit.items import AoT, Item, Table

from hubtools.cards.card import Card, present_fields
from hubtools.core.errors import CardError, ConflictError, UsageError
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.core.toml_tables import decode, toml_tables

_COMPARE = "Import into another folder with --out and compare, or remove the file"
_DIFFERENT = "already exists with other content"


def load_card(file: Path) -> Card:
    """The card in `file`, with the prose of a `.md` of the same name beside it.

    Raises CardError with file and field for broken TOML, unknown keys, wrong types and an invalid
    repository name.
    """
    return parse_card(file, *read_card(file))


def read_card(file: Path) -> tuple[bytes, bytes | None]:
    """The bytes of a card's TOML and of its prose, None without prose.

    Raises CardError when there is no such card, and for a file that cannot be read.
    """
    toml = _bytes(file)
    if toml is None:
        raise CardError("no such card", where=file)
    return toml, _bytes(file.with_suffix(".md"))


def parse_card(file: Path, toml: bytes, prose: bytes | None) -> Card:
    """The card that `read_card` read from `file`; raises CardError as `load_card` does."""
    card = decode(toml_tables(toml, file, CardError), Card, file, CardError)
    try:
        check_repo_name(card.repo)
    except UsageError as error:
        raise CardError(error.what, where=f"{file}: repo", fix=error.fix) from error
    text = _prose(file.with_suffix(".md"), prose)
    return card if text is card.prose else replace(card, prose=text)


def _prose(file: Path, data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode().replace("\r\n", "\n").strip("\n") or None
    except UnicodeDecodeError as error:
        raise CardError(f"not UTF-8 (byte {error.start})", where=file) from error


def _bytes(file: Path) -> bytes | None:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - half the time of Path.read_bytes
            return opened.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CardError(f"cannot be read: {error.strerror or error}", where=file) from error


def add_card(card: Card, folder: Path) -> bool:
    """Write `card` as NAME.toml and its prose as NAME.md; False when they are there already.

    Raises ConflictError when they exist with other content: neither is overwritten.
    """
    file = folder / f"{card.repo}.toml"
    prose = file.with_suffix(".md")
    if file.exists():
        if load_card(file) == card:
            return False
        raise ConflictError(_DIFFERENT, where=file, fix=_COMPARE)
    if card.prose is not None:
        if prose.exists() and _prose(prose, _bytes(prose)) != card.prose:
            raise ConflictError(_DIFFERENT, where=prose, fix=_COMPARE)
        write_atomically(prose, card.prose + "\n")
    elif prose.exists():
        raise ConflictError("already exists without a card", where=prose, fix=_COMPARE)
    write_atomically(file, card_toml(card))
    return True


def save_card(card: Card, file: Path) -> None:
    """Update `file` to hold `card`; unchanged keys stay as they are, comments included.

    The prose has its own file, which is never touched.
    """
    if not file.is_file():
        write_atomically(file, card_toml(card))
        return
    before = file.read_text(encoding="utf-8")
    there = tomlkit.parse(before)
    wanted = dict(_items(card))
    for key in [key for key in there if key not in wanted]:
        del there[key]
    for key, item in wanted.items():
        if key not in there or there[key].unwrap() != item.unwrap():
            there[key] = item
    if tomlkit.dumps(there) != before:
        write_atomically(file, tomlkit.dumps(there))


def card_toml(card: Card) -> str:
    """The card as TOML, keys in the order of the dataclass, absent values left out."""
    document = tomlkit.document()
    for key, item in _items(card):
        document.add(key, item)
    return tomlkit.dumps(document)


def _items(card: Card) -> list[tuple[str, Item]]:
    """The fields that are not empty, plain values before tables as TOML requires."""
    data = present_fields(replace(card, prose=None, metadata={}))
    for account in data.get("accounts", ()):
        if "posts" in account:
            counts = account["posts"]
            account["posts"] = tomlkit.inline_table()
            account["posts"].update(counts)
    if card.metadata:
        data["metadata"] = dict(card.metadata)
    items = [(key, tomlkit.item(value)) for key, value in data.items()]
    return sorted(items, key=lambda pair: isinstance(pair[1], Table | AoT))
