"""What each README of an output folder was rendered from, in the project's state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from hubtools.core.config import find_project
from hubtools.core.state import FileStamp, StateFile

_COLUMNS = "name, repo, digest, size, mtime_ns, ctime_ns, inode"


@dataclass(frozen=True, slots=True)
class RenderCacheEntry:
    """A rendered README: its card, its repository, a digest of its inputs, and its stamp."""

    name: str
    repo: str
    digest: bytes
    stamp: FileStamp


class RenderCache:
    """The READMEs in the folder `out` that a renderer with this `fingerprint` made.

    They are kept in the state file of the project that `out` lies in, else in that of `out`.
    What another renderer made is forgotten.
    """

    def __init__(self, out: Path, fingerprint: bytes) -> None:
        self._folder = str(out.resolve())
        self._state = StateFile(find_project(out).root)
        sql = "SELECT fingerprint FROM outputs WHERE folder = ?"
        if self._state.read(sql, self._folder) != [(fingerprint,)]:
            self._state.write("DELETE FROM rendered WHERE folder = ?", [(self._folder,)])
            self._state.write("REPLACE INTO outputs VALUES (?, ?)", [(self._folder, fingerprint)])

    def __len__(self) -> int:
        rows = self._state.read("SELECT count(*) FROM rendered WHERE folder = ?", self._folder)
        return int(rows[0][0]) if rows else 0

    def get(self, names: Sequence[str]) -> Mapping[str, RenderCacheEntry]:
        """What is known of those of `names` that were made before."""
        marks = ",".join("?" * len(names))
        sql = f"SELECT {_COLUMNS} FROM rendered WHERE folder = ? AND name IN ({marks})"
        return {
            name: RenderCacheEntry(name, repo, digest, FileStamp(*stamp))
            for name, repo, digest, *stamp in self._state.read(sql, self._folder, *names)
        }

    def put(self, made: Iterable[RenderCacheEntry]) -> None:
        rows = [(self._folder, m.name, m.repo, m.digest, *astuple(m.stamp)) for m in made]
        if rows:
            self._state.write("REPLACE INTO rendered VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self._state.close()
