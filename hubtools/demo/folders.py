"""The folder in which a running page keeps its visitors' files.

The page's process holds a lock in the folder. A folder whose lock is free belonged to a process
that was killed, and the next page to start removes it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "hubtools-demo-"


@dataclass(frozen=True, slots=True)
class PageFolder:
    """A folder that belongs to this process until it is removed, or the process dies."""

    path: Path
    lock: FileLock

    def remove(self) -> None:
        """Delete it with everything in it; a second time does nothing."""
        self.lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def make_page_folder() -> PageFolder:
    """A new temporary folder that only its user can read."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock_of(path)
        with suppress(FileNotFoundError):
            lock.acquire()
            if Path(lock.lock_file).exists():  # nobody removed it before the lock
                return PageFolder(path, lock)
            lock.release()


def remove_abandoned_folders() -> None:
    """Delete the folders of this user whose processes are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            if _is_own_folder(path):
                with _lock_of(path).acquire(timeout=0):
                    shutil.rmtree(path, ignore_errors=True)


def _lock_of(path: Path) -> FileLock:
    return FileLock(path / ".lock", thread_local=False)


def _is_own_folder(path: Path) -> bool:
    """Whether it is a folder of this user, and not a link that another one put there."""
    found = path.lstat()
    user = os.geteuid() if hasattr(os, "geteuid") else found.st_uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user
