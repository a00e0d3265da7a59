"""The README of a model's folder, rendered from its card."""

from __future__ import annotations

from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core.errors import ConflictError
from hubtools.core.files import write_atomically
from hubtools.sync.repo_state import README


def write_readme(folder: Path, card: Card, card_file: Path, renderer: CardRenderer) -> Path:
    """Render the card into the model's folder.

    Raises ConflictError when the README there was edited by hand: an edit belongs to the card.
    """
    text = renderer.render(card)
    file = folder / README
    if file.is_file():
        current = file.read_text(encoding="utf-8", errors="replace")
        if current != text and not is_sealed(current):
            raise ConflictError(
                "was edited by hand and would be overwritten",
                where=file,
                fix=f"Move the text to {card_file.with_suffix('.md')}, and remove this file",
            )
    write_atomically(file, text)
    return file
