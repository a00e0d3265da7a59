"""The state cache: which revision of a repository holds what, and digests of local files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from hubtools.core.state import FileStamp, StateFile, stamp_of
from hubtools.sync.repo_state import Digest, Observed


@dataclass(frozen=True, slots=True)
class ReadmeDigest:
    """The digest of a rendered README, and one of all that it was rendered from."""

    source: bytes
    digest: Digest


@dataclass(frozen=True, slots=True)
class StateCache:
    """What earlier runs learned of the repositories of one target, in the project's state file."""

    state: StateFile
    target: str

    def observed(self) -> dict[str, Observed]:
        """What is cached of each repository, by its id."""
        sql = "SELECT repo, revision, files, edited FROM repos WHERE target = ?"
        try:
            return {
                repo: Observed(revision, json.loads(files), frozenset(json.loads(edited)))
                for repo, revision, files, edited in self.state.read(sql, self.target)
            }
        except ValueError:
            self.state.reset()
            return {}

    def save_observed(self, observed: Mapping[str, Observed]) -> None:
        """Cache repositories by their ids."""
        rows = [
            (
                self.target,
                repo,
                one.revision,
                json.dumps(dict(one.files)),
                json.dumps([*one.edited]),
            )
            for repo, one in observed.items()
        ]
        self.state.write("REPLACE INTO repos VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, repos: Iterable[str]) -> None:
        """Drop these repositories from the cache."""
        rows = [(self.target, repo) for repo in repos]
        self.state.write("DELETE FROM repos WHERE target = ? AND repo = ?", rows)

    def readmes(self) -> dict[str, ReadmeDigest]:
        """The README of each card when it was last rendered, by the cards' names."""
        sql = "SELECT name, source, sha256, git FROM readmes WHERE target = ?"
        rows = self.state.read(sql, self.target)
        return {name: ReadmeDigest(source, Digest(*digest)) for name, source, *digest in rows}

    def save_readmes(self, readmes: Mapping[str, ReadmeDigest]) -> None:
        """Cache READMEs by the cards' names."""
        rows = [
            (self.target, name, one.source, one.digest.sha256, one.digest.git)
            for name, one in readmes.items()
        ]
        self.state.write("REPLACE INTO readmes VALUES (?, ?, ?, ?, ?)", rows)

    def digest(self, file: Path) -> Digest | None:
        """The digest of a file that has not changed since `save_digest`."""
        stamp = stamp_of(str(file))
        sql = "SELECT size, mtime_ns, ctime_ns, inode, sha256, git FROM digests WHERE path = ?"
        rows = self.state.read(sql, str(file))
        return next((Digest(*row[4:]) for row in rows if stamp == FileStamp(*row[:4])), None)

    def save_digest(self, file: Path, stamp: FileStamp, digest: Digest) -> None:
        """Cache the digest of a file that had this stamp both before and after it was read."""
        row = (str(file), *astuple(stamp), digest.sha256, digest.git)
        self.state.write("REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", [row])
