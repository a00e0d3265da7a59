"""The files of the cards that a request names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from hubtools.core.errors import CardError


def all_cards(folder: Path) -> list[Path]:
    """Every card in a folder, by name. Raises CardError when there is no such folder."""
    if not folder.is_dir():
        raise CardError("no such folder", where=folder, fix="Run `hubtools init` to make one")
    return sorted(folder.glob("*.toml"), key=lambda file: file.stem)


def named_cards(folder: Path, names: Sequence[str]) -> list[Path]:
    """The files of the cards with these names, each once, in the order of `names`.

    Raises CardError for a missing card, with the nearest name as its fix.
    """
    files = [folder / f"{name}.toml" for name in dict.fromkeys(names)]
    for file in files:
        if not file.is_file():
            known = [card.stem for card in folder.glob("*.toml")]
            near = get_close_matches(file.stem.removesuffix(".toml"), known, n=1)
            fix = f"Did you mean '{near[0]}'?" if near else None
            raise CardError("no such card", where=file, fix=fix)
    return files


def select_cards(folder: Path, names: Sequence[str] | None) -> list[Path]:
    """The files of the cards with these names; of every card for None. Raises CardError."""
    return all_cards(folder) if names is None else named_cards(folder, names)
