"""A card's thumbnail, drawn again from another of its predictions."""

from __future__ import annotations

from pathlib import Path

from hubtools.cards.model import Card, Prediction
from hubtools.cards.portraits import BYTES_LIMIT
from hubtools.cards.thumbnail import Face, Picture, ThumbnailSubject, draw_thumbnail
from hubtools.errors import CardError, UsageError


def chosen_prediction(card: Card, number: int) -> Prediction:
    """Prediction `number` of the card, from 1. Raises CardError when it has no such."""
    if not card.predictions:
        raise CardError("the card has no predictions to show", where=card.repo)
    if not 1 <= number <= len(card.predictions):
        raise CardError(
            f"there is no prediction {number}",
            where=card.repo,
            fix=f"Choose one from 1 to {len(card.predictions)}",
        )
    return card.predictions[number - 1]


def redraw_thumbnail(card: Card, prediction: Prediction, folder: Path) -> Picture:
    """The thumbnail that shows `prediction`, with the avatars that the model's `folder` holds.

    Raises MissingExtraError without the libraries that draw.
    """
    faces = tuple(
        Face(account.name, account.handle, _avatar(folder / f"avatar-{number}.png"))
        for number, account in enumerate(card.accounts, 1)
    )
    return draw_thumbnail(ThumbnailSubject(faces, prediction.prompt, prediction.text))


def _avatar(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.stat().st_size <= BYTES_LIMIT else None
    except OSError:
        return None


def thumbnail_file(folder: Path) -> Path:
    """Where a model's thumbnail lies; raises UsageError for a model without a folder."""
    if not folder.is_dir():
        raise UsageError("the model has no folder", where=folder, fix="Name a file with --out")
    return folder / "predictions.png"
