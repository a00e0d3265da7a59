"""Contents, as files named by their SHA-256.

A content is written to `incoming/`, synced, and renamed into `objects/` while the database is
locked for the row that names it. Every writer holds a lock in its folder in `incoming/`, which
tells what a killed process left behind from what another process is writing right now.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

_POLL = 0.005  # seconds; the lock of a Hub's folder is never held for long


@dataclass(frozen=True, slots=True)
class Staged:
    """A content on disk that is not yet part of the store; `oid` is its git blob's."""

    path: Path
    sha256: str
    oid: str
    size: int


class ContentWriter:
    """Takes a content in pieces; `size` counts the bytes so far."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self.path = path
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)

    def finish(self) -> Staged:
        """Sync the content to the disk and describe it as an LFS content."""
        self._file.flush()
        os.fsync(self._file.fileno())
        sha256 = self._sha256.hexdigest()
        return Staged(self.path, sha256, lfs_pointer(sha256, self.size)[0], self.size)


class Staging:
    """A folder of contents that are deleted together unless they are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    @contextmanager
    def writer(self) -> Iterator[ContentWriter]:
        """Write a content in pieces."""
        self._count += 1
        path = self.folder / str(self._count)
        with path.open("wb") as file:
            yield ContentWriter(file, path)

    def add(self, data: bytes) -> Staged:
        """Write the content of a regular file."""
        with self.writer() as writer:
            writer.write(data)
            return replace(writer.finish(), oid=git_blob_oid(data))


class ObjectStore:
    """The contents in a Hub's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the content with this digest is, or would be."""
        return self._objects / sha256[:2] / sha256

    @contextmanager
    def staging(self) -> Iterator[Staging]:
        """A place for new contents, until the end of the block."""
        with folder_lock(self._root):  # no sweep comes between the folder and its lock
            folder = Path(tempfile.mkdtemp(dir=self._incoming))
            lock = _writer_lock(folder)
            lock.acquire()
        try:
            yield Staging(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()

    def keep(self, staged: Staged) -> None:
        """Make a staged content part of the store, in one step."""
        target = self.path(staged.sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            _sync_folder(self._objects)
        staged.path.replace(target)
        _sync_folder(target.parent)

    def write(self, content: bytes, sha256: str) -> None:
        """Write a content to its final place without syncing it to the disk.

        Only while the database is locked and has no row for it: if the transaction fails, nothing
        refers to what was written, and the next write replaces it.
        """
        target = self.path(sha256)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)

    def older_than(self, seconds: float) -> Iterator[str]:
        """The digests of the contents that were neither written nor touched for so long."""
        limit = time.time() - seconds
        for folder in self._objects.iterdir():
            with os.scandir(folder) as files:
                yield from (file.name for file in files if file.stat().st_mtime < limit)

    def touch(self, sha256: str) -> None:
        """Reset a content's age, if it is there."""
        with suppress(FileNotFoundError):
            os.utime(self.path(sha256))

    def remove(self, sha256: str) -> None:
        """Delete a content, if it is there."""
        with suppress(FileNotFoundError):
            self.path(sha256).unlink()

    def sweep(self) -> int:
        """Delete what killed processes left in `incoming/`; returns how many folders."""
        swept = 0
        with folder_lock(self._root):
            for folder in self._incoming.iterdir():
                with suppress(Timeout, OSError), _writer_lock(folder):
                    shutil.rmtree(folder)
                    swept += 1
        return swept


def git_blob_oid(data: bytes) -> str:
    """The id that git gives a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size: int) -> tuple[str, int]:
    """The git blob id and the length of the pointer that stands for a content in Git LFS."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return git_blob_oid(text.encode()), len(text)


@contextmanager
def folder_lock(root: Path) -> Iterator[None]:
    """The lock of a Hub's folder, among all threads and processes."""
    with FileLock(root / "hub.lock", thread_local=False).acquire(poll_interval=_POLL):
        yield


def _writer_lock(folder: Path) -> FileLock:
    """The lock that the writer of a folder in `incoming/` holds; a second one is not waited for."""
    return FileLock(folder / "lock", timeout=0, thread_local=False)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
