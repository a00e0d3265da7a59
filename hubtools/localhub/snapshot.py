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
_NO_CARD = RepoCard()
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
_ENTRY = """
SELECT e.repo, e.path, e.oid, e.sha256, o.size, e.pointer_size, e.added
FROM entries AS e JOIN objects AS o USING (sha256)
"""


class Snapshot:
    """The store as one transaction sees it."""

    def __init__(self, db: sqlite3.Connection, *, private: bool) -> None:
        self._db = db
        self._private = private

    def repo(self, repo_id: RepoId) -> Repo:
        """The repository of that name, in any case.

        Raises RepoNotFoundError, and RepoMovedError when it has another name now.
        """
        where = "WHERE r.namespace = ? AND r.name = ?"
        row = self._db.execute(_REPO + where, (repo_id.namespace, repo_id.name)).fetchone()
        if row is None:
            raise self._missing(repo_id)
        if row["private"] and not self._private:
            raise RepoNotFoundError(f"repository {repo_id} not found")
        return _repo(row)

    def page(self, query: Query) -> RepoPage:
        """Some of the repositories, in the query's order. Raises BadRequestError."""
        where, values = self._filters(query)
        repo = _REPO if query.cards else _REPO_WITHOUT_CARD
        sql = f"{repo} WHERE {' AND '.join(where)} ORDER BY {_ORDERS[query.sort]} LIMIT ? OFFSET ?"
        rows = self._db.execute(sql, (*values, query.limit + 1, query.offset)).fetchall()
        repos = tuple(_repo(row) for row in rows[: query.limit])
        more = len(rows) > query.limit
        return RepoPage(repos, _cursor(repos[-1]) if more and repos else None)

    def count(self, query: Query) -> int:
        """How many repositories the query has on all pages."""
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
            files[row["repo"]].append(_entry(row))
        return files

    def commit(self, repo: Repo, revision: str) -> Commit:
        """The commit that `main` or a full oid names. Raises RevisionNotFoundError."""
        oid = repo.head if revision in ("main", "refs/heads/main") else revision
        sql = "SELECT * FROM commits WHERE repo = ? AND oid = ?"
        row = self._db.execute(sql, (repo.key, oid)).fetchone()
        if row is None:
            raise RevisionNotFoundError(
                f"{repo.id} has no revision {revision[:100]!r}",
                fix="Use main or the full id of a commit",
            )
        return _commit(row)

    def head(self, repo: Repo) -> Commit:
        """The newest commit."""
        return self.commit(repo, "main")

    def commits(self, repo: Repo, last: int, limit: int) -> list[Commit]:
        """At most `limit` commits up to the one with the seq `last`, newest first."""
        sql = "SELECT * FROM commits WHERE repo = ? AND seq <= ? ORDER BY seq DESC LIMIT ?"
        return [_commit(row) for row in self._db.execute(sql, (repo.key, last, limit))]

    def commits_by_seq(self, repo: Repo, seqs: Iterable[int]) -> dict[int, Commit]:
        """The commits with these seqs."""
        wanted = sorted(set(seqs))
        marks = ",".join("?" * len(wanted))
        sql = f"SELECT * FROM commits WHERE repo = ? AND seq IN ({marks})"
        rows = self._db.execute(sql, (repo.key, *wanted))
        return {row["seq"]: _commit(row) for row in rows}

    def tree(self, repo: Repo, commit: Commit) -> list[Entry]:
        """All files at a commit, by path."""
        if commit.seq == repo.seq:
            sql = f"{_ENTRY} WHERE e.repo = ? AND e.removed IS NULL ORDER BY e.path"
            return [_entry(row) for row in self._db.execute(sql, (repo.key,))]
        sql = f"""{_ENTRY} WHERE e.repo = ? AND e.added <= ?
            AND (e.removed IS NULL OR e.removed > ?) ORDER BY e.path"""
        return [_entry(row) for row in self._db.execute(sql, (repo.key, commit.seq, commit.seq))]

    def entry(self, repo: Repo, commit: Commit, path: str) -> Entry:
        """One file at a commit. Raises EntryNotFoundError."""
        sql = f"""{_ENTRY} WHERE e.repo = ? AND e.path = ? AND e.added <= ?
            AND (e.removed IS NULL OR e.removed > ?)"""
        row = self._db.execute(sql, (repo.key, path, commit.seq, commit.seq)).fetchone()
        if row is None:
            raise EntryNotFoundError(path, commit.oid)
        return _entry(row)

    def changes(self, repo: Repo, commit: Commit) -> list[FileChange]:
        """What a commit changed, by path."""
        removed_sql = "SELECT path FROM entries WHERE repo = ? AND removed = ?"
        removed = {row["path"] for row in self._db.execute(removed_sql, (repo.key, commit.seq))}
        sql = f"{_ENTRY} WHERE e.repo = ? AND e.added = ?"
        added = {row["path"]: _entry(row) for row in self._db.execute(sql, (repo.key, commit.seq))}
        changes = [
            FileChange(p, "changed" if p in removed else "added", e) for p, e in added.items()
        ]
        changes += [FileChange(path, "deleted", None) for path in removed - added.keys()]
        return sorted(changes, key=lambda change: change.path)

    def object_size(self, sha256: str) -> int | None:
        """The size in bytes of an uploaded content; None if it was not uploaded."""
        sql = "SELECT size FROM objects WHERE sha256 = ?"
        row = self._db.execute(sql, (sha256,)).fetchone()
        return None if row is None else int(row["size"])

    def _missing(self, repo_id: RepoId) -> RepoMovedError | RepoNotFoundError:
        sql = """SELECT r.namespace, r.name, r.private FROM redirects AS d
            JOIN repos AS r ON r.key = d.repo WHERE d.namespace = ? AND d.name = ?"""
        row = self._db.execute(sql, (repo_id.namespace, repo_id.name)).fetchone()
        if row is None or (row["private"] and not self._private):
            return RepoNotFoundError(f"repository {repo_id} not found")
        return RepoMovedError(str(repo_id), f"{row['namespace']}/{row['name']}")

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
        card=_card(row),
        has_picture=bool(row["has_picture"]),
    )


def _card(row: sqlite3.Row) -> RepoCard:
    if row["card"] == "{}":
        return _NO_CARD
    return RepoCard(
        data=json.loads(row["card"]),
        tags=tuple(json.loads(row["tags"])),
        pipeline_tag=row["pipeline_tag"],
        library_name=row["library_name"],
    )


def _commit(row: sqlite3.Row) -> Commit:
    fields = ("seq", "oid", "parent", "time", "author", "title", "message")
    return Commit(*(row[name] for name in fields))


def _entry(row: sqlite3.Row) -> Entry:
    fields = ("path", "oid", "sha256", "size", "pointer_size", "added")
    return Entry(*(row[name] for name in fields))


def _cursor(repo: Repo) -> str:
    return base64.urlsafe_b64encode(json.dumps([repo.modified, repo.key]).encode()).decode()


def _parse_cursor(text: str) -> tuple[str, int]:
    try:
        modified, key = json.loads(base64.urlsafe_b64decode(text))
        return str(modified), int(key)
    except (ValueError, TypeError) as error:
        raise BadRequestError("the cursor is invalid") from error
