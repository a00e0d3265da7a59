"""The local Hub's folder: repositories with their full history.

Several processes may use one folder at once. What belongs together happens in one SQLite
transaction, and contents are on disk before the transaction that names them ends, so a killed
process leaves the state before or after and nothing in between.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hubtools.core.files import writing
from hubtools.localhub.database import Database
from hubtools.localhub.errors import HeadMovedError
from hubtools.localhub.gittree import commit_oid, tree_oids
from hubtools.localhub.names import git_attributes
from hubtools.localhub.objects import ObjectStore, Staged, Staging, git_blob_oid
from hubtools.localhub.readme import MAX_README, read_card
from hubtools.localhub.rows import (
    claim_name,
    drop_if_unused,
    insert_commit,
    insert_object,
    insert_repo,
    timestamp,
    update_card,
)
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.tree_operations import TreeChange, apply_operations
from hubtools.localhub.types import AddFile, Commit, NewCommit, Repo, RepoCard, RepoId

README = "README.md"
_DAY = 24 * 60 * 60.0  # seconds


class Store:
    """A folder of repositories."""

    def __init__(self, root: Path) -> None:
        """Open or create the folder, and clean up after killed processes.

        Raises OutputError when it cannot be used.
        """
        self.root = root
        with writing(root):
            self.objects = ObjectStore(root)
            self._db = Database(root)
            self.objects.sweep()
            self._drop_abandoned()
        self._remove_garbage()

    def close(self) -> None:
        """Close the database; the store cannot be used afterwards."""
        self._db.close()

    @contextmanager
    def snapshot(self, *, private: bool = True) -> Iterator[Snapshot]:
        """A consistent snapshot of the store, with or without the private repositories."""
        with self._db.reading() as db:
            yield Snapshot(db, private=private)

    def create(
        self,
        repo_id: RepoId,
        *,
        author: str,
        private: bool = False,
        files: Mapping[str, bytes] | None = None,
    ) -> Repo:
        """Create a repository whose first commit has these files. Raises RepoExistsError."""
        with writing(self.root), self.objects.staging() as staging, self._db.writing() as db:
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
        with writing(self.root), self.objects.staging() as staging, self._db.writing() as db:
            snapshot = Snapshot(db, private=True)
            for repo_id, files in repos:
                repo = self._create(db, staging, repo_id, author=author, private=private)
                added = (AddFile(path, self._write(db, data)) for path, data in files.items())
                self._commit(db, snapshot, repo, NewCommit(author, "Add files", tuple(added)))
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
        with writing(self.root), self._db.writing() as db:
            snapshot = Snapshot(db, private=True)
            repo = snapshot.repo(repo_id)
            if new.parent not in (None, repo.head):
                raise HeadMovedError(
                    f"the head of {repo.id} is {repo.head}, not {new.parent}",
                    fix="Read the repository again and repeat the change",
                )
            return self._commit(db, snapshot, repo, new)

    def delete(self, repo_id: RepoId) -> None:
        """Delete a repository, its history, and the contents that no other repository has."""
        with self._db.writing() as db:
            repo = Snapshot(db, private=True).repo(repo_id)
            sql = "SELECT DISTINCT sha256 FROM entries WHERE repo = ?"
            contents = [row["sha256"] for row in db.execute(sql, (repo.key,))]
            db.execute("DELETE FROM repos WHERE key = ?", (repo.key,))
            for sha256 in contents:
                drop_if_unused(db, sha256)
        self._remove_garbage()

    def move(self, old: RepoId, new: RepoId) -> Repo:
        """Rename a repository; the old name redirects to the new one. Raises RepoExistsError."""
        with self._db.writing() as db:
            snapshot = Snapshot(db, private=True)
            repo = snapshot.repo(old)
            renamed = str(new).lower() != str(old).lower()
            if renamed:
                claim_name(db, new)
            sql = "UPDATE repos SET namespace = ?, name = ? WHERE key = ?"
            db.execute(sql, (new.namespace, new.name, repo.key))
            if renamed:
                sql = "INSERT OR REPLACE INTO redirects (namespace, name, repo) VALUES (?, ?, ?)"
                db.execute(sql, (repo.id.namespace, repo.id.name, repo.key))
            return snapshot.repo(new)

    def configure(self, repo_id: RepoId, *, private: bool, gated: str | None) -> Repo:
        """Set who may see a repository."""
        with self._db.writing() as db:
            snapshot = Snapshot(db, private=True)
            sql = "UPDATE repos SET private = ?, gated = ? WHERE key = ?"
            db.execute(sql, (private, gated, snapshot.repo(repo_id).key))
            return snapshot.repo(repo_id)

    def keep(self, staged: Staged) -> None:
        """Add an uploaded LFS content to the store, to be committed within a day."""
        with writing(self.root), self._db.writing() as db:
            self._keep(db, staged)
            self.objects.touch(staged.sha256)

    def claim(self, sha256s: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those contents that are present; they stay for another day."""
        with writing(self.root), self._db.writing() as db:
            snapshot = Snapshot(db, private=True)
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
        claim_name(db, repo_id)
        key = insert_repo(db, repo_id, private=private)
        attributes = AddFile(".gitattributes", self._attributes(snapshot, staging))
        new = NewCommit(author, "initial commit", (attributes, *first))
        self._record(db, key, None, apply_operations(snapshot, None, (), new), new)
        return snapshot.repo(repo_id)

    def _commit(
        self, db: sqlite3.Connection, snapshot: Snapshot, repo: Repo, new: NewCommit
    ) -> Commit:
        head = snapshot.head(repo)
        change = apply_operations(snapshot, head, snapshot.tree(repo, head), new)
        if not change.written and not change.removed:
            return head
        return self._record(db, repo.key, head, change, new)

    def _attributes(self, snapshot: Snapshot, staging: Staging) -> Staged:
        data = git_attributes()
        sha256 = hashlib.sha256(data).hexdigest()
        if snapshot.object_size(sha256) is None:
            return staging.add(data)
        return Staged(self.objects.path(sha256), sha256, git_blob_oid(data), len(data))

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
        insert_commit(db, key, commit, change)
        if any(entry.path == README for entry in change.written) or README in change.removed:
            entry = change.after.get(README)
            update_card(db, key, read_card(self.readme(entry.sha256)) if entry else RepoCard())
        return commit

    def _keep(self, db: sqlite3.Connection, staged: Staged) -> None:
        if insert_object(db, staged):
            self.objects.keep(staged)

    def _write(self, db: sqlite3.Connection, content: bytes) -> Staged:
        sha256 = hashlib.sha256(content).hexdigest()
        path, oid = self.objects.path(sha256), git_blob_oid(content)
        staged = Staged(path, sha256, oid, len(content))
        if insert_object(db, staged):
            self.objects.write(content, sha256)
        return staged

    def _drop_abandoned(self) -> None:
        """Once a day, delete contents that are older than a day and in no commit.

        These are uploads that were never committed, and what a full disk left without a row.
        """
        last = self.root / "collected"
        if last.exists() and abs(time.time() - last.stat().st_mtime) < _DAY:
            return
        with self._db.writing() as db:
            named = {row["sha256"] for row in db.execute("SELECT DISTINCT sha256 FROM entries")}
            for sha256 in self.objects.older_than(_DAY):
                if sha256 not in named:
                    drop_if_unused(db, sha256)
        last.touch()

    def _remove_garbage(self) -> None:
        with self._db.reading() as db:
            waiting = db.execute("SELECT 1 FROM garbage LIMIT 1").fetchone()
        if waiting is None:
            return
        sql = "SELECT sha256 FROM garbage WHERE sha256 NOT IN (SELECT sha256 FROM objects)"
        with writing(self.root), self._db.writing() as db:
            for row in db.execute(sql).fetchall():
                self.objects.remove(row["sha256"])
            db.execute("DELETE FROM garbage")


def _next_commit(head: Commit | None, change: TreeChange, new: NewCommit) -> Commit:
    now, parent = timestamp(), head.oid if head else None
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
