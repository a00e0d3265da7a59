"""Writing files so that a kill at any moment leaves the old one or the new one, never a half."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubtools.core.errors import OutputError

_CHUNK = 1 << 20


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn what the system says of a failed write under `where` into an OutputError."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"cannot write: {reason}",
            where=error.filename if isinstance(error.filename, str) else where,
            fix="Nothing half-written was left; make room or choose another folder, and run again",
        ) from error


def write_atomically(path: Path, data: bytes | str) -> None:
    """Replace `path` by `data` in one step (text as UTF-8), making its folder when it is missing.

    A link stays one, and what it points to is replaced; a device or a pipe is written to. Raises
    OutputError when the system refuses; the file is then what it was.
    """
    payload = data.encode() if isinstance(data, str) else data
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (path.is_file() or path.is_dir()):
            path.write_bytes(payload)
            return
        try:
            _replace(path.resolve() if path.is_symlink() else path, payload)
        except OSError as error:
            error.filename = str(path)  # and not the temporary file, which is gone
            raise


def _replace(path: Path, payload: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
