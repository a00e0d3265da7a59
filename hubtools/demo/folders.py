"""The folder in which a running page keeps what its visitors show it.

The page's process holds a lock on the folder. So a folder whose lock can be taken is that of a
process that was killed, and the next page to start removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "hubtools-demo-"


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """A folder that is this process's until it is removed, or the process is gone."""

    path: Path
    handle: int

    def remove(self) -> None:
        """Delete it with all that is in it; a second time does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self.handle)


def make_folder() -> OwnFolder:
    """A new folder, among the temporary ones of this machine, that only its user can read."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.is_dir():  # nobody swept it before the lock
                return OwnFolder(path, handle)
            os.close(handle)


def sweep() -> None:
    """Delete the folders of this user whose processes are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_abandoned(path)


def _remove_abandoned(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)
