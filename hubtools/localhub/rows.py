"""Writing the rows of the database, inside a transaction of the store."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from hubtools.localhub.errors import RepoExistsError
from hubtools.localhub.objects import Staged
from hubtools.localhub.tree_operations import TreeChange
from hubtools.localhub.types import Commit, RepoCard, RepoId


def insert_object(db: sqlite3.Connection, staged: Staged) -> bool:
    """Add a content; whether it was not there before."""
    sql = "INSERT OR IGNORE INTO objects (sha256, size) VALUES (?, ?)"
    return bool(db.execute(sql, (staged.sha256, staged.size)).rowcount)


def claim_name(db: sqlite3.Connection, repo_id: RepoId) -> None:
    """Make a name free to be used: it may redirect, but not name a repository.

    Raises RepoExistsError.
    """
    name = (repo_id.namespace, repo_id.name)
    if db.execute("SELECT 1 FROM repos WHERE namespace = ? AND name = ?", name).fetchone():
        raise RepoExistsError(f"the repository {repo_id} already exists")
    db.execute("DELETE FROM redirects WHERE namespace = ? AND name = ?", name)


def insert_repo(db: sqlite3.Connection, repo_id: RepoId, *, private: bool) -> int:
    """Add a repository without commits; returns its key."""
    sql = """INSERT INTO repos
        (namespace, name, private, created, modified, head, seq, card, tags)
        VALUES (?, ?, ?, ?, '', '', 0, '{}', '[]')"""
    row = db.execute(sql, (repo_id.namespace, repo_id.name, private, timestamp()))
    return int(row.lastrowid or 0)


def insert_commit(db: sqlite3.Connection, key: int, commit: Commit, change: TreeChange) -> None:
    """Add a commit to a repository and make it the head."""
    db.execute(
        "INSERT INTO commits (repo, seq, oid, parent, time, author, title, message)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key, *(getattr(commit, name) for name in Commit.__slots__)),
    )
    db.executemany(
        "UPDATE entries SET removed = ? WHERE repo = ? AND path = ? AND removed IS NULL",
        [(commit.seq, key, path) for path in change.removed],
    )
    db.executemany(
        "INSERT INTO entries (repo, path, oid, sha256, pointer_size, added)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(key, e.path, e.oid, e.sha256, e.pointer_size, e.added) for e in change.written],
    )
    sql = "UPDATE repos SET head = ?, seq = ?, modified = ? WHERE key = ?"
    db.execute(sql, (commit.oid, commit.seq, commit.time, key))


def update_card(db: sqlite3.Connection, key: int, card: RepoCard) -> None:
    """Replace what is known of a repository's card."""
    sql = "UPDATE repos SET card = ?, tags = ?, pipeline_tag = ?, library_name = ? WHERE key = ?"
    data, tags = (json.dumps(value, ensure_ascii=False) for value in (card.data, card.tags))
    db.execute(sql, (data, tags, card.pipeline_tag, card.library_name, key))


def drop_if_unused(db: sqlite3.Connection, sha256: str) -> None:
    """Mark a content as garbage unless a commit has it."""
    if db.execute("SELECT 1 FROM entries WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone():
        return
    db.execute("DELETE FROM objects WHERE sha256 = ?", (sha256,))
    db.execute("INSERT OR IGNORE INTO garbage (sha256) VALUES (?)", (sha256,))


def timestamp() -> str:
    """Now, in ISO 8601 and UTC with milliseconds, as the Hub writes times."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
