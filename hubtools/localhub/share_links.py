"""Sharing predictions: those of a card, and new ones in links that carry them.

A link holds the prediction and a signature. So nothing that visitors enter is stored, a link works
as long as its model exists, and nobody can forge a page with a text that a model did not generate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import zlib
from collections.abc import Mapping
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.importing import import_readme
from hubtools.core.errors import CardError
from hubtools.core.results import Prediction
from hubtools.localhub.errors import StoreError
from hubtools.localhub.readme import decode_readme
from hubtools.localhub.store import README, Store
from hubtools.localhub.types import Entry, Repo
from hubtools.pictures import require_pictures

_KEY_FILE = "share.key"
_KEY_BYTES = 32
_MAC_BYTES = 16
_AVATAR_LIMIT = 8 << 20  # bytes


class NoPredictionError(StoreError):
    """The address belongs to no prediction."""

    status = 404


def card_of(store: Store, repo: Repo, entries: Mapping[str, Entry]) -> Card:
    """The card in the repository's README; an unreadable one has only a name."""
    entry = entries.get(README)
    if entry is None or not repo.card.data:  # front matter too, and it unfolds to a sane size
        return Card(repo=repo.id.name)
    try:
        return import_readme(decode_readme(store.readme(entry.sha256)), repo=repo.id.name)
    except (CardError, ValueError, TypeError, RecursionError):
        return Card(repo=repo.id.name)


def number_of(key: str) -> int | None:
    """The number on the card that a share link's key is; None for one that carries a prediction."""
    return int(key) if key.isdecimal() and len(key) < 4 else None


def share_key(root: Path) -> bytes:
    """The signing key of the Hub in `root`, created on first use."""
    file = root / _KEY_FILE
    if not file.exists():
        new = root / f".{_KEY_FILE}.{secrets.token_hex(4)}"
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(_KEY_BYTES))
            os.link(new, file)
        except FileExistsError:
            pass  # another process was first
        finally:
            new.unlink(missing_ok=True)
    return file.read_bytes()


def sign(key: bytes, repo: Repo, prediction: Prediction) -> str:
    """The part of a URL that carries a prediction of this repository's model."""
    plain = json.dumps([prediction.prompt, prediction.text], ensure_ascii=False)
    packed = zlib.compress(plain.encode("utf-8", "replace"), 9)
    return base64.urlsafe_b64encode(_mac(key, repo, packed) + packed).decode().rstrip("=")


def read_signed(key: bytes, repo: Repo, text: str) -> Prediction:
    """The prediction that `sign` encoded. Raises NoPredictionError for anything else."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    mac, packed = data[:_MAC_BYTES], data[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, repo, packed)):
        raise NoPredictionError(f"no prediction of {repo.id} has this address")
    prompt, generated = json.loads(zlib.decompress(packed))
    return Prediction(prompt=prompt, text=generated)


def draw(store: Store, card: Card, entries: Mapping[str, Entry], prediction: Prediction) -> bytes:
    """A thumbnail of `prediction` as a PNG, with the avatars in the repository.

    Raises MissingExtraError without the libraries that draw.
    """
    require_pictures("Drawing a thumbnail")
    from hubtools.pictures.thumbnail import draw_thumbnail
    from hubtools.pictures.types import Face, ThumbnailSubject

    faces = tuple(
        Face(account.name, account.handle, _avatar(store, entries.get(account.avatar or "")))
        for account in card.accounts
    )
    return draw_thumbnail(ThumbnailSubject(faces, prediction.prompt, prediction.text)).png


def _avatar(store: Store, entry: Entry | None) -> bytes | None:
    if entry is None or entry.size > _AVATAR_LIMIT:
        return None
    return store.objects.path(entry.sha256).read_bytes()


def _mac(key: bytes, repo: Repo, packed: bytes) -> bytes:
    message = f"{repo.key}\n".encode() + packed
    return hmac.new(key, message, hashlib.sha256).digest()[:_MAC_BYTES]
