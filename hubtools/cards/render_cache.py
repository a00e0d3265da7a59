"""What each README of an output folder was made of: a small SQLite file beside them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from hubtools.core.errors import OutputError
from hubtools.core.files import writing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS renderer (fingerprint BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS made (
    name TEXT PRIMARY KEY, repo TEXT NOT NULL, digest BLOB NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "name, repo, digest, size, mtime_ns, ctime_ns, inode"
_WAIT = 30.0  # seconds for another run in the same folder


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is edited, replaced or touched; nobody can set `ctime_ns`."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Made:
    """A README: of which card, in which repository's folder, of which inputs, and its stamp."""

    name: str
    repo: str
    digest: bytes
    stamp: Stamp


def stamp_of(file: str) -> Stamp | None:
    """The stamp of a file; None where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116 - twice as fast as Path.stat
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class RenderMemory:
    """The READMEs that a renderer with this `fingerprint` made.

    What another renderer made is forgotten; a damaged file is begun anew.
    """

    def __init__(self, file: Path, fingerprint: bytes) -> None:
        try:
            self._database = _open(file, fingerprint)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise OutputError(
                    "is in use", where=file, fix="Wait until the other run in this folder is done"
                ) from error
            with writing(file):
                file.unlink()
            self._database = _open(file, fingerprint)

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM made").fetchone()
        return int(count)

    def recall(self, names: Sequence[str]) -> Mapping[str, Made]:
        """What is known of those of `names` that were made before."""
        marks = ",".join("?" * len(names))
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM made WHERE name IN ({marks})", names)
        return {
            name: Made(name, repo, digest, Stamp(*stamp)) for name, repo, digest, *stamp in rows
        }

    def remember(self, made: Iterable[Made]) -> None:
        """Keep `made` for the next run; kept on return."""
        rows = [(m.name, m.repo, m.digest, *astuple(m.stamp)) for m in made]
        if not rows:
            return
        with suppress(sqlite3.OperationalError), self._database:  # a memory lost is a card redone
            self._database.executemany("REPLACE INTO made VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self._database.close()


def _open(file: Path, fingerprint: bytes) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=_WAIT)
    try:
        database.executescript(f"PRAGMA synchronous = OFF; {_SCHEMA}")
        database.execute(f"SELECT {_COLUMNS} FROM made LIMIT 1")
        known = database.execute("SELECT fingerprint FROM renderer").fetchall()
        if known != [(fingerprint,)]:
            with database:
                database.execute("DELETE FROM made")
                database.execute("DELETE FROM renderer")
                database.execute("INSERT INTO renderer VALUES (?)", (fingerprint,))
    except BaseException:
        database.close()
        raise
    return database
