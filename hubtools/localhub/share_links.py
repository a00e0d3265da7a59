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
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from hubtools.core.results import Prediction
from hubtools.localhub.errors import StoreError
from hubtools.localhub.types import Repo

_MAC_BYTES = 16


class NoPredictionError(StoreError):
    status = 404


def number_of(key: str) -> int | None:
    """The number on the card that a share link's key is; None for one that carries a prediction."""
    return int(key) if key.isdecimal() and len(key) < 4 else None


def share_key(root: Path) -> bytes:
    """The signing key of the Hub in `root`, created on first use."""
    file = root / "share.key"
    if not file.exists():
        handle, new = tempfile.mkstemp(dir=root)  # a file that only its owner may read
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(32))
            with suppress(FileExistsError):  # another process was first
                os.link(new, file)
        finally:
            Path(new).unlink()
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


def _mac(key: bytes, repo: Repo, packed: bytes) -> bytes:
    message = f"{repo.key}\n".encode() + packed
    return hmac.new(key, message, hashlib.sha256).digest()[:_MAC_BYTES]
