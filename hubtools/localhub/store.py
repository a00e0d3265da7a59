"""The local Hub's folder: repositories with their full history.

Several processes may use one folder at once. What belongs together happens in one SQLite
transaction, and contents are on disk before the transaction that names them ends, so a killed
process leaves the state before or after and nothing in between.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

from hubtools.core.files import writing
from hubtools.localhub.database import Database
from hubtools.localhub.errors import HeadMovedError, RepoExistsError
from hubtools.localhub.names import git_attributes
from hubtools.localhub.objects import ObjectStore, Staged, Staging
from hubtools.localhub.readme import MAX_README, read_card
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.trees import TreeChange, apply_operations, commit_oid, tree_oids
from hubtools.localhub.types import AddFile, Commit, NewCommit, Repo, RepoCard, RepoId

README = "README.md"
_DAY = 24 * 60 * 60.0  # seconds


class Store:
    """A folder of repositories."""

    def __init__(self, root: Path) -> None:
        """Open or create the folder, and clean up after killed processes. Raises OutputError."""
        self.root = root
        with writing(root):
            self.objects = ObjectStore(root)
            self._db = Database(root)
            self.objects.sweep()
            self._drop_abandoned()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def snapshot(self, *, private: bool = True) -> Iterator[Snapshot]:
        """A consistent snapshot of the store, with or without the private repositories."""
        with self._db.reading() as db:
            yield Snapshot(db, private=private)

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, Snapshot]]:
        with writing(self.root), self._db.writing() as db:
            yield db, Snapshot(db, private=True)

    def create(
        self,
        repo_id: RepoId,
        *,
        author: str,
        private: bool = False,
        files: Mapping[str, bytes] | None = None,
    ) -> Repo:
        """Create a repository whose first commit has these files. Raises RepoExistsError."""
        with writing(self.root), self.objects.staging() as staging, self._writing() as (db, _):
            first = [AddFile(path, staging.add(data)) for path, data in (files or {}).items()]
            return self._create(db, staging, repo_id, author=author, private=private, first=first)

    def create_many(
        self,
        repos: Iterable[tuple[RepoId, Mapping[str, bytes]]],
        *,
        author: str,
        private: bool = False,
    ) -> None:
        """Create many repositories, each with regular files in a second commit: all or none.

        Makes thousands a second, where `create` and `commit` sync the disk for each repository.
        Raises RepoExistsError.
        """
        with writing(self.root), self.objects.staging() as staging, self._writing() as (db, now):
            for repo_id, files in repos:
                repo = self._create(db, staging, repo_id, author=author, private=private)
                added = []
                for path, data in files.items():
                    content = self.objects.describe(data)
                    if _insert_object(db, content):
                        self.objects.write(data, content.path)
                    added.append(AddFile(path, content))
                self._commit(db, now, repo, NewCommit(author, "Add files", tuple(added)))
            os.sync()

    def put(
        self, repo_id: RepoId, files: Mapping[str, bytes], *, author: str, title: str = "Update"
    ) -> Commit:
        """Commit regular files, whatever the head is; see `commit`."""
        with writing(self.root), self.objects.staging() as staging:
            added = tuple(AddFile(path, staging.add(data)) for path, data in files.items())
            return self.commit(repo_id, NewCommit(author, title, added))

    def commit(self, repo_id: RepoId, new: NewCommit) -> Commit:
        """Make a commit; one that changes nothing returns the head instead.

        Raises HeadMovedError when its parent is not the head, EntryNotFoundError for deleting what
        is not there, and BadRequestError for a path that would be both a file and a folder or an
        LFS content that was not uploaded.
        """
        with self._writing() as (db, snapshot):
            repo = snapshot.repo(repo_id)
            if new.parent not in (None, repo.head):
                raise HeadMovedError(
                    f"the head of {repo.id} is {repo.head}, not {new.parent}",
                    fix="Read the repository again and repeat the change",
                )
            return self._commit(db, snapshot, repo, new)

    def delete(self, repo_id: RepoId) -> None:
        """Delete a repository, its history, and the contents that no other repository has."""
        with self._writing() as (db, snapshot):
            key = snapshot.repo(repo_id).key
            sql = "SELECT DISTINCT sha256 FROM entries WHERE repo = ?"
            contents = [row["sha256"] for row in db.execute(sql, (key,))]
            db.execute("DELETE FROM repos WHERE key = ?", (key,))
        self._drop_unused(contents)

    def move(self, old: RepoId, new: RepoId) -> Repo:
        """Rename a repository; the old name redirects to the new one. Raises RepoExistsError."""
        with self._writing() as (db, snapshot):
            repo = snapshot.repo(old)
            renamed = str(new).lower() != str(old).lower()
            if renamed:
                _claim_name(db, new)
            sql = "UPDATE repos SET namespace = ?, name = ? WHERE key = ?"
            db.execute(sql, (new.namespace, new.name, repo.key))
            if renamed:
                sql = "INSERT OR REPLACE INTO redirects (namespace, name, repo) VALUES (?, ?, ?)"
                db.execute(sql, (repo.id.namespace, repo.id.name, repo.key))
            return snapshot.repo(new)

    def configure(self, repo_id: RepoId, *, private: bool, gated: str | None) -> Repo:
        with self._writing() as (db, snapshot):
            sql = "UPDATE repos SET private = ?, gated = ? WHERE key = ?"
            db.execute(sql, (private, gated, snapshot.repo(repo_id).key))
            return snapshot.repo(repo_id)

    def keep(self, staged: Staged) -> None:
        """Add an uploaded LFS content to the store, to be committed within a day."""
        with self._writing() as (db, _):
            self._keep(db, staged)
            self.objects.touch(staged.sha256)

    def claim(self, sha256s: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those contents that are present; they stay for another day."""
        with self._writing() as (_, snapshot):
            sizes = {sha256: snapshot.object_size(sha256) for sha256 in sha256s}
            present = {sha256: size for sha256, size in sizes.items() if size is not None}
            for sha256 in present:
                self.objects.touch(sha256)
            return present

    def readme(self, sha256: str) -> bytes:
        """The part of a content that is read of a README."""
        with self.objects.path(sha256).open("rb") as file:
            return file.read(MAX_README)

    def _create(
        self,
        db: sqlite3.Connection,
        staging: Staging,
        repo_id: RepoId,
        *,
        author: str,
        private: bool,
        first: Sequence[AddFile] = (),
    ) -> Repo:
        snapshot = Snapshot(db, private=True)
        _claim_name(db, repo_id)
        sql = """INSERT INTO repos
            (namespace, name, private, created, modified, head, seq, card, tags)
            VALUES (?, ?, ?, ?, '', '', 0, '{}', '[]')"""
        row = db.execute(sql, (repo_id.namespace, repo_id.name, private, _timestamp()))
        attributes = self.objects.describe(git_attributes())
        if snapshot.object_size(attributes.sha256) is None:
            attributes = staging.add(git_attributes())
        new = NewCommit(author, "initial commit", (AddFile(".gitattributes", attributes), *first))
        change = apply_operations(snapshot, None, (), new)
        self._record(db, int(row.lastrowid or 0), None, change, new)
        return snapshot.repo(repo_id)

    def _commit(
        self, db: sqlite3.Connection, snapshot: Snapshot, repo: Repo, new: NewCommit
    ) -> Commit:
        head = snapshot.head(repo)
        change = apply_operations(snapshot, head, snapshot.tree(repo, head), new)
        if not change.written and not change.removed:
            return head
        return self._record(db, repo.key, head, change, new)

    def _record(
        self,
        db: sqlite3.Connection,
        key: int,
        head: Commit | None,
        change: TreeChange,
        new: NewCommit,
    ) -> Commit:
        written = {entry.sha256 for entry in change.written}
        for operation in new.operations:
            if isinstance(operation, AddFile) and operation.content.sha256 in written:
                self._keep(db, operation.content)
        commit = _next_commit(head, change, new)
        _insert_commit(db, key, commit, change)
        if any(entry.path == README for entry in change.written) or README in change.removed:
            entry = change.after.get(README)
            _update_card(db, key, read_card(self.readme(entry.sha256)) if entry else RepoCard())
        return commit

    def _keep(self, db: sqlite3.Connection, staged: Staged) -> None:
        if _insert_object(db, staged):
            self.objects.keep(staged)

    def _drop_abandoned(self) -> None:
        """Once a day, delete contents that are older than a day and in no commit.

        These are uploads that were never committed, and what a full disk left without a row.
        """
        last = self.root / "collected"
        if last.exists() and abs(time.time() - last.stat().st_mtime) < _DAY:
            return
        self._drop_unused(self.objects.older_than(_DAY))
        last.touch()

    def _drop_unused(self, sha256s: Iterable[str]) -> None:
        """Delete those contents that are in no commit: their rows, and then their files.

        A kill in between leaves files without a row, which `_drop_abandoned` finds.
        """
        used = "SELECT 1 FROM entries WHERE sha256 = ? LIMIT 1"
        with self._writing() as (db, _):
            unused = [(sha256,) for sha256 in sha256s if not db.execute(used, (sha256,)).fetchone()]
            db.executemany("DELETE FROM objects WHERE sha256 = ?", unused)
        with self._writing() as (_, snapshot):
            for (sha256,) in unused:
                if snapshot.object_size(sha256) is None:
                    self.objects.remove(sha256)


def _next_commit(head: Commit | None, change: TreeChange, new: NewCommit) -> Commit:
    now, parent = _timestamp(), head.oid if head else None
    text = f"{new.title}\n\n{new.message}" if new.message else new.title
    root = tree_oids(change.after.values())[""]
    return Commit(
        seq=head.seq + 1 if head else 1,
        oid=commit_oid(root, parent, now, new.author, text),
        parent=parent,
        time=now,
        author=new.author,
        title=new.title,
        message=new.message,
    )


def _insert_object(db: sqlite3.Connection, staged: Staged) -> bool:
    sql = "INSERT OR IGNORE INTO objects (sha256, size) VALUES (?, ?)"
    return bool(db.execute(sql, (staged.sha256, staged.size)).rowcount)


def _claim_name(db: sqlite3.Connection, repo_id: RepoId) -> None:
    """Make a name free to be used: it may redirect, but not name a repository."""
    name = (repo_id.namespace, repo_id.name)
    if db.execute("SELECT 1 FROM repos WHERE namespace = ? AND name = ?", name).fetchone():
        raise RepoExistsError(f"the repository {repo_id} already exists")
    db.execute("DELETE FROM redirects WHERE namespace = ? AND name = ?", name)


def _insert_commit(db: sqlite3.Connection, key: int, commit: Commit, change: TreeChange) -> None:
    db.execute(
        "INSERT INTO commits (repo, seq, oid, parent, time, author, title, message)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key, *astuple(commit)),
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


def _update_card(db: sqlite3.Connection, key: int, card: RepoCard) -> None:
    sql = "UPDATE repos SET card = ?, tags = ?, pipeline_tag = ?, library_name = ? WHERE key = ?"
    data, tags = (json.dumps(value, ensure_ascii=False) for value in (card.data, card.tags))
    db.execute(sql, (data, tags, card.pipeline_tag, card.library_name, key))


def _timestamp() -> str:
    """Now, in ISO 8601 and UTC with milliseconds, as the Hub writes times."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
