"""What a fleet has done so far, in files: what resumes it, and what `fleet status` reads.

In `.hubtools/fleet` of the project each manifest (and each shard of it) has three files: a journal
with one line for every model that was made or published, the state, replaced as a whole every
second, and a lock that says whether a run is going on. One process writes them, so they may lie
on a disk that several machines share.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.config import Project
from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically, writing
from hubtools.fleet.manifest import Row, Shard
from hubtools.fleet.worker import Outcome
from hubtools.posts.registry import is_live
from hubtools.training.recipe import base_folder, recipe_for

_FOLDER = Path(".hubtools") / "fleet"


@dataclass(frozen=True, slots=True)
class Done:
    """What the journal knows of one model."""

    key: str
    published: frozenset[str] = frozenset()
    """Where to: targets with the namespace."""


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one manifest, or of one shard of it."""

    folder: Path
    name: str
    shard: Shard

    @property
    def state(self) -> Path:
        return self._file("json")

    @property
    def page(self) -> Path:
        return self._file("html")

    @property
    def journal(self) -> Path:
        return self._file("jsonl")

    @property
    def lock(self) -> Path:
        return self._file("lock")

    @property
    def journals(self) -> list[Path]:
        """Those of all shards, however the manifest was cut."""
        return sorted(self.folder.glob(f"{self.name}*.jsonl"))

    def _file(self, ending: str) -> Path:
        cut = f".{self.shard.number}-of-{self.shard.count}" if self.shard.count > 1 else ""
        return self.folder / f"{self.name}{cut}.{ending}"


def place_of(manifest: Path, shard: Shard, project: Project) -> Place:
    """Where the files of `manifest` are; two of one name in different folders do not meet."""
    digest = hashlib.sha256(str(manifest.resolve()).encode()).hexdigest()[:6]
    return Place(project.root / _FOLDER, f"{manifest.stem}-{digest}", shard)


def states(project: Project) -> list[Path]:
    """The state of every fleet of the project, the one that was last active first."""
    found = (project.root / _FOLDER).glob("*.json")
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Only one process runs a fleet. Raises UsageError, which names the other, for a second."""
    with writing(place.lock):
        place.folder.mkdir(parents=True, exist_ok=True)
        ignore = place.folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        opened = place.lock.open("a+")
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            opened.seek(0)
            raise UsageError(
                f"this fleet is being made already, by process {opened.read().strip() or '?'}",
                where=place.lock,
                fix="Look at it with hubtools fleet status",
            ) from error
        opened.truncate(0)
        opened.write(f"{os.getpid()} on {socket.gethostname()}")
        opened.flush()
        yield


def is_running(place_lock: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        with place_lock.open("r") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def row_key(row: Row) -> str:
    """A digest of all that decides what `row` makes, without reading a post.

    Of a source in files it holds names, sizes and times: a file that was only touched is read
    again, and the model's own key, which has all texts, then says that it is made. An address is
    its name: posts that were added since do not make another model.
    """
    request = row.request
    folder = base_folder(request.base)
    decides = {
        key: value
        for key, value in asdict(request).items()
        if key not in ("project", "posts", "out", "namespace")
    }
    document = {
        **decides,
        "sources": [_stamp(source) for source in request.sources],
        "recipe": msgspec.to_builtins(recipe_for(request.base, request.recipe)),
        "base": _stamp(str(folder)) if folder else request.base,
    }
    plain = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


def _stamp(source: str) -> Any:
    """A file or a folder by the sizes and times of what it holds."""
    if is_live(source):
        return source
    path = Path(source)
    if not path.exists():
        path = Path(source.rpartition("#")[0] or source)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    stamps = []
    for file in files:
        with suppress(OSError):
            stat = file.stat()
            stamps.append((str(file), stat.st_size, stat.st_mtime_ns))
    return [source, stamps]


class Journal:
    """One line for each model that is made, and one for each that is published."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._opened = place.journal.open("ab")
        if self._opened.tell() and not _ends_whole(place.journal):
            self._opened.write(b"\n")  # what a kill cut off stays a line of its own

    def done(self) -> dict[str, Done]:
        """What is known of each model, from the journals of all shards."""
        known: dict[str, Done] = {}
        for file in self._place.journals:
            for line in file.read_bytes().splitlines():
                entry = _entry(line)
                if entry is None:
                    continue
                name, key = entry["name"], entry["key"]
                before = known.get(name)
                if before is None or before.key != key:
                    before = Done(key)
                to = entry.get("published")
                known[name] = Done(key, before.published | ({to} if to else frozenset()))
        return known

    def scores(self, keys: Mapping[str, str]) -> dict[str, float]:
        """Bits a byte of the models with these keys, from the journals of all shards."""
        entries = (
            entry
            for file in self._place.journals
            for line in file.read_bytes().splitlines()
            if (entry := _entry(line)) is not None
        )
        return {
            entry["name"]: entry["bits_per_byte"]
            for entry in entries
            if entry.get("bits_per_byte") is not None and keys.get(entry["name"]) == entry["key"]
        }

    def made(self, outcome: Outcome, key: str) -> None:
        """The model's folder is complete."""
        self._write({"name": outcome.name, "key": key, "bits_per_byte": outcome.bits_per_byte})

    def published(self, name: str, key: str, to: str) -> None:
        """The model is on that Hub."""
        self._write({"name": name, "key": key, "published": to})

    def close(self) -> None:
        self._opened.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        with writing(self._place.journal):
            self._opened.write(json.dumps(entry).encode() + b"\n")
            self._opened.flush()
            os.fsync(self._opened.fileno())


def _ends_whole(file: Path) -> bool:
    with file.open("rb") as opened:
        opened.seek(-1, os.SEEK_END)
        return opened.read() == b"\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and {"name", "key"} <= entry.keys()
    return entry if whole else None


def write_state(place: Place, state: Mapping[str, Any]) -> None:
    """Replace the state; where that fails, the run goes on, and its end says why."""
    with suppress(Exception):
        write_atomically(place.state, json.dumps(state, ensure_ascii=False))


def read_state(file: Path) -> dict[str, Any]:
    """A state; `active` says whether its run goes on."""
    state: dict[str, Any] = json.loads(file.read_bytes())
    return {**state, "active": is_running(file.with_suffix(".lock"))}
