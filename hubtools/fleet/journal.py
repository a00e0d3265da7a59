"""What a fleet has done so far, in files: they resume it, and `fleet status` reads them.

In `.hubtools/fleet` of the project, each manifest (and each shard of it) has a journal with one
line per model trained or published, a state that is replaced every second, a page, and a lock. One
process writes them, so they may lie on a disk that several machines share.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from hubtools.core.config import Project
from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically, writing
from hubtools.fleet.manifest import FleetRow, Shard
from hubtools.fleet.state import FleetState
from hubtools.posts.registry import is_live
from hubtools.training.recipe import base_folder, recipe_for

_FOLDER = Path(".hubtools") / "fleet"


@dataclass(frozen=True, slots=True)
class FleetFiles:
    manifest: str
    """What the names of the files of all its shards begin with."""
    state: Path

    @property
    def page(self) -> Path:
        return self.state.with_suffix(".html")

    @property
    def journal(self) -> Path:
        return self.state.with_suffix(".jsonl")

    @property
    def journals(self) -> list[Path]:
        """Those of all shards, however the manifest was split."""
        return sorted(self.state.parent.glob(f"{self.manifest}*.jsonl"))


def fleet_files(manifest: Path, shard: Shard, project: Project) -> FleetFiles:
    """The files of `manifest`; two manifests with one name in different folders stay apart."""
    digest = hashlib.sha256(str(manifest.resolve()).encode()).hexdigest()[:6]
    name = f"{manifest.stem}-{digest}"
    part = f".{shard.number}-of-{shard.count}" if shard.count > 1 else ""
    return FleetFiles(name, project.root / _FOLDER / f"{name}{part}.json")


def state_files(project: Project) -> list[Path]:
    """The state of every fleet of the project, the most recently active first."""
    found = (project.root / _FOLDER).glob("*.json")
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


@contextmanager
def fleet_lock(files: FleetFiles) -> Iterator[None]:
    """Keep a second process off the fleet. Raises UsageError that names the process at work."""
    lock, owner = _lock_of(files.state), files.state.with_suffix(".owner")
    folder = files.state.parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        by = owner.read_text() if owner.is_file() else "unknown"
        raise UsageError(
            f"this fleet is already running, in process {by}",
            where=files.state,
            fix="Watch it with `hubtools fleet status`",
        ) from error
    try:
        write_atomically(owner, f"{os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        lock.release()


def _lock_of(state: Path) -> FileLock:
    return FileLock(state.with_suffix(".lock"))


def row_key(row: FleetRow) -> str:
    """A digest of everything that decides the model of `row`, without reading a post.

    Files count by name, size and time: one that was merely touched is read again, and the model's
    own key, which covers the texts, then finds nothing to train. An address counts by its name, so
    new posts on it do not make another model.
    """
    request = row.request
    folder = base_folder(request.base)
    document = {
        "name": request.name,
        "sources": [_source_stamp(source) for source in request.sources],
        "base": _source_stamp(str(folder)) if folder else request.base,
        "recipe": msgspec.to_builtins(recipe_for(request.base, request.recipe)),
        "prompt": request.prompt,
        "seed": request.seed,
        "cleaning": request.cleaning,
        "language": request.language,
        "reading": asdict(request.reading),
    }
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def _source_stamp(source: str) -> Any:
    """A file, or the files of a folder, by name, size and time."""
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


class JournalEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a model's folder is complete, or the model is on a Hub."""

    name: str
    key: str
    bits_per_byte: float | None = None
    published: str | None = None
    """The target, with the namespace."""


class FleetJournal:
    """Appends to the journal of this run, and reads those of all shards."""

    def __init__(self, files: FleetFiles) -> None:
        self.files = files
        self._stream = files.journal.open("ab")
        if self._stream.tell():
            self._stream.write(b"\n")  # what a kill truncated stays a line of its own

    def published(self, keys: Mapping[str, str]) -> dict[str, set[str]]:
        """The trained models with these keys, and the targets where each is published."""
        found: dict[str, set[str]] = {}
        for entry in self._entries():
            if keys.get(entry.name) != entry.key:
                found.pop(entry.name, None)  # made of other posts or options since
                continue
            targets = found.setdefault(entry.name, set())
            if entry.published is not None:
                targets.add(entry.published)
        return found

    def scores(self, keys: Mapping[str, str]) -> dict[str, float]:
        """Bits per byte of the models with these keys."""
        return {
            entry.name: entry.bits_per_byte
            for entry in self._entries()
            if entry.bits_per_byte is not None and keys.get(entry.name) == entry.key
        }

    def add(self, entry: JournalEntry) -> None:
        """Write a line, and wait until it is on the disk. Raises OutputError."""
        with writing(self.files.journal):
            self._stream.write(msgspec.json.encode(entry) + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()

    def _entries(self) -> Iterator[JournalEntry]:
        for file in self.files.journals:
            for line in file.read_bytes().splitlines():
                with suppress(msgspec.MsgspecError):
                    yield msgspec.json.decode(line, type=JournalEntry)


def write_state(file: Path, state: FleetState) -> None:
    """Replace the state. A failure does not stop the run: its end reports the cause."""
    with suppress(Exception):
        write_atomically(file, msgspec.json.encode(state))


def read_state(file: Path) -> tuple[FleetState, bool]:
    """A state, and whether its run is still going on."""
    state = msgspec.json.decode(file.read_bytes(), type=FleetState)
    lock = _lock_of(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return state, True
    lock.release()
    return state, False
