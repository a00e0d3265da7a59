"""A card's thumbnail, drawn again from another of its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from hubtools.cards.card import Card, CardAccount
from hubtools.core.errors import CardError, UsageError
from hubtools.core.results import Prediction
from hubtools.pictures.avatars import BYTES_LIMIT
from hubtools.pictures.thumbnail import Face, ThumbnailSubject

THUMBNAIL = "predictions.png"
CJK_FIX = "pip install 'hf-hubtools[cjk]' brings Chinese, Japanese and Korean"


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


def with_first(card: Card, prediction: Prediction) -> Card:
    """The card with `prediction` before its others: what it says of its picture is about the
    first, and so are its widget and the previews of its pages."""
    others = tuple(other for other in card.predictions if other != prediction)
    return replace(card, predictions=(prediction, *others))


def subject_of(
    card: Card,
    prediction: Prediction,
    folder: Path,
    fetch: Callable[[str], bytes | None] = lambda address: None,
) -> ThumbnailSubject:
    """The card's thumbnail that shows `prediction`.

    Avatars are those that the model's `folder` holds, else what `fetch` finds at their addresses.
    """
    faces = tuple(
        Face(account.name, account.handle, _avatar(account, number, folder, fetch))
        for number, account in enumerate(card.accounts, 1)
    )
    return ThumbnailSubject(faces, prediction.prompt, prediction.text)


def _avatar(
    account: CardAccount, number: int, folder: Path, fetch: Callable[[str], bytes | None]
) -> bytes | None:
    kept = avatar_bytes(folder / f"avatar-{number}.png")
    if kept is None and (account.avatar or "").startswith("https://"):
        return fetch(account.avatar or "")
    return kept


def avatar_bytes(file: Path) -> bytes | None:
    """The bytes of a picture; None where there is none, or it is too large."""
    try:
        return file.read_bytes() if file.stat().st_size <= BYTES_LIMIT else None
    except OSError:
        return None


def thumbnail_file(folder: Path) -> Path:
    """Where a model's thumbnail lies; raises UsageError for a model without a folder."""
    if not folder.is_dir():
        raise UsageError("the model has no folder", where=folder, fix="Name a file with --out")
    return folder / THUMBNAIL


def avatar_file(number: int) -> str:
    """The name of the avatar of account `number`, from 1, in a model's folder."""
    return f"avatar-{number}.png"


def left_out_note(left_out: Iterable[str]) -> str:
    """What to say of characters that no font has; "" when there are none."""
    missing = list(left_out)
    if not missing:
        return ""
    shown = " ".join(missing[:40]) + (" …" if len(missing) > 40 else "")
    wide = any(len(char) == 1 and 0x2E80 <= ord(char) <= 0xFFEF for char in missing)
    fix = CJK_FIX if wide else "Fonts of the system are used too"
    return f"Left out of the pictures, for want of a font: {shown}. {fix}"
