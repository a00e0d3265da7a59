"""What should be on a Hub: each card's README, and the files of its model's folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from hubtools.cards.bulk import fingerprint, source_digest
from hubtools.cards.card import Card
from hubtools.cards.card_file import parse_card, read_card
from hubtools.cards.render import CardRenderer
from hubtools.cards.render_cache import stamp_of
from hubtools.core.errors import CardError, ConflictError
from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.sync.plan import README, Desired, Digest
from hubtools.sync.state import Readme, StateCache

_PIECE = 1 << 20
_MODEL_FILES = (
    "*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "*.png",
)  # fmt: skip
_IS_MODEL_FILE = re.compile("|".join(map(translate, _MODEL_FILES)))


@dataclass(frozen=True, slots=True)
class Fleet:
    """The cards of a project, each with the file it stands in, and the folders of their models."""

    files: tuple[Path, ...]
    models: Path
    renderer: CardRenderer

    def cards(self) -> Iterator[Source]:
        """Each card with its file.

        Raises CardError for two of one repository, and for one that its file is not named after.
        """
        taken: dict[str, Path] = {}
        for file in self.files:
            toml, prose = read_card(file)
            card = parse_card(file, toml, prose)
            other = taken.setdefault(card.repo.casefold(), file)
            if other is not file:
                raise CardError(f"is the repository of {other} too", where=f"{file}: repo")
            if card.repo.casefold() != file.stem.casefold():
                fix = f"Call the file {card.repo}.toml, or say repo = {file.stem!r}"
                raise CardError(f"{card.repo!r} is another name", where=f"{file}: repo", fix=fix)
            yield Source(file, card, source_digest(toml, prose))

    def model_files(self, card: Card) -> dict[str, Path]:
        """The files of the card's model by their names; none where its card goes alone."""
        folder = self.models / card.repo
        names = () if card.state == "retired" else model_files(folder)
        return {name: folder / name for name in names}


@dataclass(frozen=True, slots=True)
class Source:
    """A card, the file it stands in, and a digest of the bytes it was read from."""

    file: Path
    card: Card
    digest: bytes


class Wanting:
    """Turns cards into what should be on the Hub, and renders only what is not known yet."""

    def __init__(self, fleet: Fleet, memory: StateCache) -> None:
        self._fleet, self._memory = fleet, memory
        self._fingerprint = fingerprint(fleet.renderer)
        self._known = memory.readmes()
        self._new: dict[str, Readme] = {}

    def of(self, source: Source) -> Desired:
        """What should be there for a card. Raises CardError when it cannot be rendered."""
        card = source.card
        made_of = hashlib.sha256(self._fingerprint + source.digest).digest()
        known = self._known.get(card.repo)
        if known is None or known.made_of != made_of:
            readme = self._fleet.renderer.render(card).encode()
            known = self._new[card.repo] = Readme(made_of, bytes_digest(readme))
        return wanted_of(card, known.digest, self._fleet.model_files(card), self._memory)

    def keep(self) -> None:
        """Remember what was rendered."""
        self._memory.keep_readmes(self._new)


def model_files(folder: Path) -> tuple[str, ...]:
    """The names of a complete model's files, by name; nothing else of a folder is ever sent.

    A folder that holds no `run.json` is not complete, and none of it is sent.
    """
    record = folder / RUN_RECORD
    if not record.is_file():
        return ()
    named = read_record(record.read_bytes()).get("files", {})
    found = (file.name for file in folder.iterdir() if _IS_MODEL_FILE.match(file.name))
    names = {name for name in {*named, *found} if name != README and (folder / name).is_file()}
    return (*sorted(names), RUN_RECORD)


def wanted_of(card: Card, readme: Digest, files: Mapping[str, Path], memory: StateCache) -> Desired:
    """What should be there for `card`, in digests."""
    digests = {name: file_digest(path, memory) for name, path in files.items()}
    return Desired(card.repo, card.state == "retired", {README: readme, **digests})


def bytes_digest(data: bytes) -> Digest:
    """The digest of a content."""
    return _digest(len(data), (data,))


def file_digest(file: Path, memory: StateCache) -> Digest:
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
