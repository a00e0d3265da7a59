"""What should be on a Hub: each card's README, and the files of its model's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.model import Card
from hubtools.cards.render import CardRenderer
from hubtools.cards.render_memory import stamp_of
from hubtools.cards.tomlfile import load_card
from hubtools.errors import CardError, ConflictError
from hubtools.record import RUN_RECORD, read_record
from hubtools.sync.memory import Memory
from hubtools.sync.plan import README, Digest, Wanted

_PIECE = 1 << 20
_MODEL_FILES = (
    "*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "*.png",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """The cards of a project, each with the file it stands in, and the folders of their models."""

    files: tuple[Path, ...]
    models: Path
    renderer: CardRenderer

    def cards(self) -> Iterator[tuple[Path, Card]]:
        """Each card with its file. Raises CardError for two of one repository."""
        taken: dict[str, Path] = {}
        for file in self.files:
            card = load_card(file)
            other = taken.setdefault(card.repo.casefold(), file)
            if other is not file:
                raise CardError(f"is the repository of {other} too", where=f"{file}: repo")
            yield file, card


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes behind a Wanted: the README as text, and files of the model's folder."""

    readme: str
    files: dict[str, Path]


def content_of(card: Card, fleet: Fleet) -> Content:
    """What goes to the repository of `card`. Raises CardError when it cannot be rendered.

    A folder that holds no `run.json` is not complete: its card goes alone.
    """
    folder = fleet.models / card.repo
    names = () if card.state == "retired" else model_files(folder)
    return Content(fleet.renderer.render(card), {name: folder / name for name in names})


def model_files(folder: Path) -> tuple[str, ...]:
    """The names of a complete model's files, by name; nothing else of a folder is ever sent."""
    record = folder / RUN_RECORD
    if not record.is_file():
        return ()
    named = read_record(record.read_bytes()).get("files", {})
    found = {file.name for pattern in _MODEL_FILES for file in folder.glob(pattern)}
    names = {name for name in {*named, *found} if name != README and (folder / name).is_file()}
    return (*sorted(names), RUN_RECORD)


def wanted_of(card: Card, content: Content, memory: Memory) -> Wanted:
    """What should be there for `card`, in digests."""
    files = {name: file_digest(path, memory) for name, path in content.files.items()}
    readme = bytes_digest(content.readme.encode())
    return Wanted(card.repo, card.state == "retired", {README: readme, **files})


def bytes_digest(data: bytes) -> Digest:
    """The digest of a content."""
    return _digest(len(data), (data,))


def file_digest(file: Path, memory: Memory) -> Digest:
    """The digest of a file, read again only when it is not what it was.

    Raises ConflictError when it changes while it is read.
    """
    known = memory.digest(file)
    if known is not None:
        return known
    before = stamp_of(str(file))
    with file.open("rb") as stream:
        size = file.stat().st_size
        digest = _digest(size, iter(lambda: stream.read(_PIECE), b""))
    if before is None or before.size != size or stamp_of(str(file)) != before:
        raise ConflictError("changed while it was read", where=file, fix="Run again")
    memory.keep_digest(file, before, digest)
    return digest


def _digest(size: int, pieces: Iterable[bytes]) -> Digest:
    """Both digests in one pass; git puts a header with the size before the bytes."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        sha256.update(piece)
        git.update(piece)
    return Digest(sha256.hexdigest(), git.hexdigest())
