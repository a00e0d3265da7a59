"""`.hubtools/state.sqlite`: what earlier runs of a project learned, kept to save requests and work.

Losing the file costs requests and reading, never work: a damaged one begins anew, and where none
can be written the state lives in memory for this run. It is also the journal of `apply`: each
commit is in it before the next is counted, so a killed run continues where it stopped.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

STATE_FILE = Path(".hubtools") / "state.sqlite"
"""Relative to a project's root, or to an output folder outside of any project."""
_TABLES = {
    "repos": "target TEXT, repo TEXT, revision TEXT NOT NULL, files TEXT NOT NULL, "
    "edited TEXT NOT NULL, PRIMARY KEY (target, repo)",
    "readmes": "target TEXT, name TEXT, source BLOB NOT NULL, sha256 TEXT NOT NULL, "
    "git TEXT NOT NULL, PRIMARY KEY (target, name)",
    "digests": "path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, "
    "ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 TEXT NOT NULL, git TEXT NOT NULL",
    "outputs": "folder TEXT PRIMARY KEY, fingerprint BLOB NOT NULL",
    "rendered": "folder TEXT, name TEXT, repo TEXT NOT NULL, digest BLOB NOT NULL, "
    "size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, "
    "inode INTEGER NOT NULL, PRIMARY KEY (folder, name)",
}
_VERSION = 1
_BUSY_TIMEOUT = 30.0  # seconds to wait for another run that writes
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What changes when a file is edited, replaced or touched; nobody can set `ctime_ns`."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stamp_of(file: str) -> FileStamp | None:
    """The stamp of a file; None where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116 - twice as fast as Path.stat
    except OSError:
        return None
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class StateFile:
    """The SQLite database of a project; `saved` is False once something could not be written."""

    def __init__(self, root: Path) -> None:
        self.path = root / STATE_FILE
        self._database, self.saved = _open(self.path)

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; none when the file turns out to be damaged, which is begun anew."""
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self.reset()
            else:
                self.saved = False
            return []

    def write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute a statement for each row, all in one transaction; a full disk ends no run."""
        try:
            with self._database:
                self._database.executemany(sql, rows)
        except sqlite3.Error as error:
            if _is_damage(error):
                self.reset()
            else:
                self.saved = False

    def reset(self) -> None:
        self._database.close()
        _remove(self.path)
        self._database, self.saved = _open(self.path)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(file: Path) -> tuple[sqlite3.Connection, bool]:
    """The database in `file`, or one in memory, and whether it is in the file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ignore = file.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return _connect(str(file)), True
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            _remove(file)
            with suppress(sqlite3.Error):
                return _connect(str(file)), True
    except OSError:
        pass
    return _connect(":memory:"), False


def _connect(file: str) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=_BUSY_TIMEOUT)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing, a power cut little
        (version,) = database.execute("PRAGMA user_version").fetchone()
        drop = "".join(f"DROP TABLE IF EXISTS {name};" for name in _TABLES)
        create = "".join(
            f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID;"
            for name, columns in _TABLES.items()
        )
        if version != _VERSION:
            script = f"BEGIN IMMEDIATE; {drop} {create} PRAGMA user_version = {_VERSION}; COMMIT;"
            database.executescript(script)
    except BaseException:
        database.close()
        raise
    return database


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _remove(file: Path) -> None:
    with suppress(OSError):
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            part.unlink(missing_ok=True)
