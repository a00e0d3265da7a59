"""What earlier runs learned: which commit of a repository holds what, and digests of large files.

A SQLite file that costs nothing but requests and reading when it is lost. It is also the journal:
each commit is in it before the next is counted, so that a killed run is not begun anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hubtools.cards.render_cache import Stamp, stamp_of
from hubtools.sync.plan import Digest, Seen

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    target TEXT NOT NULL, repo TEXT NOT NULL, head TEXT NOT NULL,
    files TEXT NOT NULL, edited TEXT NOT NULL, PRIMARY KEY (target, repo)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readmes (
    target TEXT NOT NULL, name TEXT NOT NULL, made_of BLOB NOT NULL,
    sha256 TEXT NOT NULL, git TEXT NOT NULL, PRIMARY KEY (target, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digests (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 TEXT NOT NULL, git TEXT NOT NULL
) WITHOUT ROWID;
"""
_VERSION = 2
_WAIT = 30.0  # seconds for another run that writes
_IGNORE = ".gitignore"


@dataclass(frozen=True, slots=True)
class Readme:
    """The digest of a rendered README, and one of all that it was made of."""

    made_of: bytes
    digest: Digest


class StateCache:
    """What is remembered of the repositories of one target.

    A damaged file is begun anew; where none can be kept, nothing is remembered beyond the run.
    `kept` says whether all that was learned could be written down.
    """

    def __init__(self, file: Path, target: str) -> None:
        self._file, self._target = file, target
        self._database, self.kept = _open(file)

    def seen(self) -> dict[str, Seen]:
        """What is known of each repository, by its id."""
        sql = "SELECT repo, head, files, edited FROM seen WHERE target = ?"
        try:
            return {
                repo: Seen(head, json.loads(files), frozenset(json.loads(edited)))
                for repo, head, files, edited in self._read(sql, self._target)
            }
        except ValueError:
            self._begin_anew()
            return {}

    def learn(self, seen: Mapping[str, Seen]) -> None:
        """Remember repositories by their ids."""
        rows = [
            (self._target, repo, one.head, json.dumps(dict(one.files)), json.dumps([*one.edited]))
            for repo, one in seen.items()
        ]
        self._write("REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, repos: Iterable[str]) -> None:
        """Know nothing of these repositories."""
        rows = [(self._target, repo) for repo in repos]
        self._write("DELETE FROM seen WHERE target = ? AND repo = ?", rows)

    def readmes(self) -> dict[str, Readme]:
        """What each card's README was when it was last rendered, by the cards' names."""
        sql = "SELECT name, made_of, sha256, git FROM readmes WHERE target = ?"
        rows = self._read(sql, self._target)
        return {name: Readme(made_of, Digest(*digest)) for name, made_of, *digest in rows}

    def keep_readmes(self, readmes: Mapping[str, Readme]) -> None:
        """Remember READMEs by the cards' names."""
        rows = [
            (self._target, name, one.made_of, one.digest.sha256, one.digest.git)
            for name, one in readmes.items()
        ]
        self._write("REPLACE INTO readmes VALUES (?, ?, ?, ?, ?)", rows)

    def digest(self, file: Path) -> Digest | None:
        """The digest of a file that has not changed since `keep_digest`."""
        stamp = stamp_of(str(file))
        sql = "SELECT size, mtime_ns, ctime_ns, inode, sha256, git FROM digests WHERE path = ?"
        rows = self._read(sql, str(file))
        return next((Digest(*row[4:]) for row in rows if stamp == Stamp(*row[:4])), None)

    def keep_digest(self, file: Path, stamp: Stamp, digest: Digest) -> None:
        """Remember the digest of a file that had this stamp before it was read and after."""
        row = (
            str(file), stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode,
            digest.sha256, digest.git,
        )  # fmt: skip
        self._write("REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self._begin_anew()
            else:
                self.kept = False
            return []

    def _write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Losing this costs requests, never work: a full disk ends no run."""
        try:
            with self._database:
                self._database.executemany(sql, rows)
        except sqlite3.Error:
            self.kept = False

    def _begin_anew(self) -> None:
        """Go on with an empty file in place of one that is damaged beyond its first page."""
        self._database.close()
        _remove(self._file)
        self._database, self.kept = _open(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _open(file: Path) -> tuple[sqlite3.Connection, bool]:
    """The database in `file`, else one in memory alone; and whether it is in the file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ignore = file.parent / _IGNORE
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


def _is_damage(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _remove(file: Path) -> None:
    with suppress(OSError):
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            part.unlink(missing_ok=True)


def _connect(file: str) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=_WAIT)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing, a power cut reads
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            database.executescript(
                "DROP TABLE IF EXISTS seen; DROP TABLE IF EXISTS readmes;"
                "DROP TABLE IF EXISTS digests;"
            )
        database.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
    except BaseException:
        database.close()
        raise
    return database
