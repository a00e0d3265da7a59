"""Reading the store: a consistent snapshot, with or without the private repositories."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

from hubtools.localhub.errors import (
    BadRequestError,
    EntryNotFoundError,
    RepoMovedError,
    RepoNotFoundError,
    RevisionNotFoundError,
)
from hubtools.localhub.types import (
    SPACES,
    Commit,
    Entry,
    FileChange,
    Query,
    Repo,
    RepoCard,
    RepoId,
    RepoPage,
    SortKey,
)

PICTURE = "predictions.png"
_REPO = f"""
SELECT r.*, EXISTS (
    SELECT 1 FROM entries WHERE repo = r.key AND path = '{PICTURE}' AND removed IS NULL
) AS has_picture
FROM repos AS r
"""
_LIKE_WILDCARDS = re.compile(r"[%_!]")
_ORDERS: Mapping[SortKey, str] = {
    "createdAt": "r.key DESC",
    "lastModified": "r.modified DESC, r.key DESC",
    "name": "r.namespace, r.name",
}
_REPO_WITHOUT_CARD = """
SELECT r.key, r.namespace, r.name, r.private, r.gated, r.created, r.modified, r.head, r.seq,
    '{}' AS card, '[]' AS tags, NULL AS pipeline_tag, NULL AS library_name, 0 AS has_picture
FROM repos AS r
"""
_COMMIT = "SELECT seq, oid, parent, time, author, title, message FROM commits"
_ENTRY = """
SELECT e.path, e.oid, e.sha256, o.size, e.pointer_size, e.added, e.repo
FROM entries AS e JOIN objects AS o USING (sha256)
"""
_AT_COMMIT = "e.repo = ? AND e.added <= ? AND (e.removed IS NULL OR e.removed > ?)"


class Snapshot:
    """The store as one transaction sees it."""

    def __init__(self, db: sqlite3.Connection, *, private: bool) -> None:
        self._db = db
        self._private = private

    def repo(self, repo_id: RepoId) -> Repo:
        """The repository of that name, in any case.

        Raises RepoNotFoundError, and RepoMovedError when it has another name now.
        """
        name = (repo_id.namespace, repo_id.name)
        row = self._db.execute(f"{_REPO} WHERE r.namespace = ? AND r.name = ?", name).fetchone()
        if row is not None and (self._private or not row["private"]):
            return _repo(row)
        sql = """SELECT r.namespace, r.name, r.private FROM redirects AS d
            JOIN repos AS r ON r.key = d.repo WHERE d.namespace = ? AND d.name = ?"""
        moved = self._db.execute(sql, name).fetchone()
        if moved is not None and (self._private or not moved["private"]):
            raise RepoMovedError(str(repo_id), f"{moved['namespace']}/{moved['name']}")
        raise RepoNotFoundError(f"repository {repo_id} not found")

    def page(self, query: Query) -> RepoPage:
        """Some of the repositories, in the query's order. Raises BadRequestError."""
        where, values = self._filters(query)
        repo = _REPO if query.cards else _REPO_WITHOUT_CARD
        sql = f"{repo} WHERE {' AND '.join(where)} ORDER BY {_ORDERS[query.sort]} LIMIT ? OFFSET ?"
        rows = self._db.execute(sql, (*values, query.limit + 1, query.offset)).fetchall()
        repos = tuple(_repo(row) for row in rows[: query.limit])
        if len(rows) <= query.limit or not repos:
            return RepoPage(repos, None)
        cursor = json.dumps([repos[-1].modified, repos[-1].key])
        return RepoPage(repos, base64.urlsafe_b64encode(cursor.encode()).decode())

    def count(self, query: Query) -> int:
        where, values = self._filters(query)
        sql = f"SELECT COUNT(*) FROM repos AS r WHERE {' AND '.join(where)}"
        (number,) = self._db.execute(sql, values).fetchone()
        return int(number)

    def head_files(self, repos: Iterable[Repo]) -> Mapping[int, list[Entry]]:
        """The files at the heads of several repositories, by repository key."""
        keys = [repo.key for repo in repos]
        marks = ",".join("?" * len(keys))
        sql = f"{_ENTRY} WHERE e.removed IS NULL AND e.repo IN ({marks}) ORDER BY e.repo, e.path"
        files: defaultdict[int, list[Entry]] = defaultdict(list)
        for row in self._db.execute(sql, keys):
            files[row["repo"]].append(Entry(*row[:-1]))
        return files

    def commit(self, repo: Repo, revision: str) -> Commit:
        """The commit that `main` or a full oid names. Raises RevisionNotFoundError."""
        oid = repo.head if revision in ("main", "refs/heads/main") else revision
        sql = f"{_COMMIT} WHERE repo = ? AND oid = ?"
        row = self._db.execute(sql, (repo.key, oid)).fetchone()
        if row is None:
            raise RevisionNotFoundError(
                f"{repo.id} has no revision {revision[:100]!r}",
                fix="Use main or the full id of a commit",
            )
        return Commit(*row)

    def head(self, repo: Repo) -> Commit:
        return self.commit(repo, "main")

    def commits(self, repo: Repo, last: int, limit: int) -> list[Commit]:
        """At most `limit` commits up to the one with the seq `last`, newest first."""
        sql = f"{_COMMIT} WHERE repo = ? AND seq <= ? ORDER BY seq DESC LIMIT ?"
        return [Commit(*row) for row in self._db.execute(sql, (repo.key, last, limit))]

    def commits_by_seq(self, repo: Repo, seqs: Iterable[int]) -> dict[int, Commit]:
        wanted = sorted(set(seqs))
        marks = ",".join("?" * len(wanted))
        sql = f"{_COMMIT} WHERE repo = ? AND seq IN ({marks})"
        rows = self._db.execute(sql, (repo.key, *wanted))
        return {row["seq"]: Commit(*row) for row in rows}

    def tree(self, repo: Repo, commit: Commit) -> list[Entry]:
        """All files at a commit, by path."""
        if commit.seq == repo.seq:
            return self._entries("e.repo = ? AND e.removed IS NULL", repo.key)
        return self._entries(_AT_COMMIT, repo.key, commit.seq, commit.seq)

    def entry(self, repo: Repo, commit: Commit, path: str) -> Entry:
        """One file at a commit. Raises EntryNotFoundError."""
        where = f"{_AT_COMMIT} AND e.path = ?"
        for entry in self._entries(where, repo.key, commit.seq, commit.seq, path):
            return entry
        raise EntryNotFoundError(path, commit.oid)

    def changes(self, repo: Repo, commit: Commit) -> list[FileChange]:
        """The files that a commit changed, by path."""
        key = (repo.key, commit.seq)
        old = {e.path: e for e in self._entries("e.repo = ? AND e.removed = ?", *key)}
        new = {e.path: e for e in self._entries("e.repo = ? AND e.added = ?", *key)}
        return [FileChange(path, old.get(path), new.get(path)) for path in sorted(old | new)]

    def _entries(self, where: str, *values: object) -> list[Entry]:
        rows = self._db.execute(f"{_ENTRY} WHERE {where} ORDER BY e.path", values)
        return [Entry(*row[:-1]) for row in rows]

    def object_size(self, sha256: str) -> int | None:
        """The size in bytes of an uploaded content; None if it was not uploaded."""
        sql = "SELECT size FROM objects WHERE sha256 = ?"
        row = self._db.execute(sql, (sha256,)).fetchone()
        return None if row is None else int(row["size"])

    def _filters(self, query: Query) -> tuple[list[str], list[object]]:
        where, values = ["1"], list[object]()

        def add(condition: str, *arguments: object) -> None:
            where.append(condition)
            values.extend(arguments)

        if not self._private:
            add("r.private = 0")
        add(f"r.namespace {'' if query.spaces else 'NOT '}LIKE ?", f"{SPACES}%")
        if query.namespace is not None:
            add("r.namespace = ?", f"{SPACES if query.spaces else ''}{query.namespace}")
        if query.search:
            add("instr(lower(r.namespace || '/' || r.name), lower(?))", query.search)
        for word in query.words:
            literal = _LIKE_WILDCARDS.sub(r"!\g<0>", word)
            matches = "r.tags LIKE ? ESCAPE '!' OR r.namespace || '/' || r.name LIKE ? ESCAPE '!'"
            add(f"({matches})", f"%{literal}%", f"%{literal}%")
        for tag in query.tags:
            add("instr(r.tags, ?)", json.dumps(tag, ensure_ascii=False))  # cheaper than parsing all
            add("EXISTS (SELECT 1 FROM json_each(r.tags) WHERE value = ?)", tag)
        if query.pipeline_tag is not None:
            add("r.pipeline_tag = ?", query.pipeline_tag)
        if query.after is not None:
            modified, key = _parse_cursor(query.after)
            if query.sort == "lastModified":
                add("(r.modified, r.key) < (?, ?)", modified, key)
            elif query.sort == "createdAt":
                add("r.key < ?", key)
            else:
                raise BadRequestError("listings by name have no cursors", fix="Use an offset")
        return where, values


def _repo(row: sqlite3.Row) -> Repo:
    return Repo(
        key=row["key"],
        id=RepoId(row["namespace"], row["name"]),
        private=bool(row["private"]),
        gated=row["gated"],
        created=row["created"],
        modified=row["modified"],
        head=row["head"],
        seq=row["seq"],
        card=RepoCard(
            data=json.loads(row["card"]),
            tags=tuple(json.loads(row["tags"])),
            pipeline_tag=row["pipeline_tag"],
            library_name=row["library_name"],
        ),
        has_picture=bool(row["has_picture"]),
    )


def _parse_cursor(text: str) -> tuple[str, int]:
    try:
        modified, key = json.loads(base64.urlsafe_b64decode(text))
        return str(modified), int(key)
    except (ValueError, TypeError) as error:
        raise BadRequestError("the cursor is invalid") from error
