"""The SQLite file behind the store: its tables, and transactions on it.

A row of `entries` names the content of a path from the commit `added` until the commit `removed`,
so every commit has its tree, and a commit costs one row per changed file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue

from hubtools.core.errors import OutputError
from hubtools.localhub.objects import folder_lock

_VERSION = 1
_TIMEOUT = 60.0  # seconds that a writer waits for others
_SCHEMA = """
CREATE TABLE repos (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    private INTEGER NOT NULL,
    gated TEXT,
    created TEXT NOT NULL,
    modified TEXT NOT NULL,
    head TEXT NOT NULL,
    seq INTEGER NOT NULL,
    card TEXT NOT NULL,
    tags TEXT NOT NULL,
    pipeline_tag TEXT,
    library_name TEXT,
    UNIQUE (namespace, name)
);
CREATE INDEX repos_modified ON repos (modified, key);
CREATE INDEX repos_namespace ON repos (namespace, key);
CREATE TABLE redirects (
    namespace TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
CREATE INDEX redirects_repo ON redirects (repo);
CREATE TABLE commits (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    oid TEXT NOT NULL,
    parent TEXT,
    time TEXT NOT NULL,
    author TEXT NOT NULL,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (repo, seq),
    UNIQUE (repo, oid)
) WITHOUT ROWID;
CREATE TABLE objects (
    sha256 TEXT PRIMARY KEY,
    size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE entries (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    path TEXT NOT NULL,
    added INTEGER NOT NULL,
    removed INTEGER,
    oid TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES objects,
    pointer_size INTEGER,
    PRIMARY KEY (repo, path, added)
) WITHOUT ROWID;
CREATE UNIQUE INDEX entries_head ON entries (repo, path) WHERE removed IS NULL;
CREATE INDEX entries_sha256 ON entries (sha256);
CREATE TABLE garbage (sha256 TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Database:
    """Transactions on one SQLite file, from any thread and beside other processes."""

    def __init__(self, root: Path) -> None:
        self._path = root / "hub.sqlite3"
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        try:
            with folder_lock(root), self._connection() as connection:
                self._prepare(connection)
        except sqlite3.Error as error:
            raise OutputError(
                f"not usable as a local Hub's database: {error}",
                where=self._path,
                fix="Choose another folder, or make this one writable",
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent snapshot of the store."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The only writing transaction of all threads and processes; it happens or it does not."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections that are not in use."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"the local Hub's database failed: {error}", where=self._path, fix="Try again"
            ) from error
        finally:
            self._idle.put(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise OutputError(
                "created by a newer version of hubtools", where=self._path, fix="Upgrade hubtools"
            )
        if version == 0:
            script = f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
            connection.executescript(script)
