"""What should be on a Hub: each card's README, and the files of its model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from pathlib import Path

from hubtools.cards.bulk import fingerprint, source_digest
from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card, parse_card, read_card
from hubtools.cards.importing import import_readme
from hubtools.cards.render import is_sealed
from hubtools.core.errors import CardError, ConflictError, HubtoolsError
from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.core.state import stamp_of
from hubtools.services.session import HubSession
from hubtools.sync.commit import CommitRequest
from hubtools.sync.plan import Change
from hubtools.sync.repo_state import README, Desired, Digest
from hubtools.sync.state import ReadmeDigest, StateCache

_CHUNK = 1 << 20
_MODEL_FILES = (
    "*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "*.png",
)  # fmt: skip
_IS_MODEL_FILE = re.compile("|".join(map(translate, _MODEL_FILES)))


def _read_cards(files: Iterable[Path]) -> Iterator[tuple[Path, Card, bytes]]:
    """Each card with its file, and a digest of the bytes that it was read from."""
    taken: dict[str, Path] = {}
    for file in files:
        toml, prose = read_card(file)
        card = parse_card(file, toml, prose)
        other = taken.setdefault(card.repo.casefold(), file)
        if other is not file:
            raise CardError(f"{other} has the same repository", where=f"{file}: repo")
        if card.repo.casefold() != file.stem.casefold():
            fix = f"Rename the file to {card.repo}.toml, or set repo = {file.stem!r}"
            what = f"the file name does not match the repository {card.repo!r}"
            raise CardError(what, where=f"{file}: repo", fix=fix)
        yield file, card, source_digest(toml, prose)


def desired_states(
    session: HubSession, files: Iterable[Path]
) -> Iterator[tuple[Path, Card, Desired]]:
    """Each card with its file and what it asks for; renders only what is not in the cache.

    Raises CardError for a card that cannot be rendered, for two cards of one repository, and for a
    file with another name than its card's repository.
    """
    renderer, models, cache = session.renderer, session.project.models_folder, session.cache
    common, cached = fingerprint(renderer), cache.readmes()
    new: dict[str, ReadmeDigest] = {}
    for file, card, source in _read_cards(files):
        digest = hashlib.sha256(common + source).digest()
        readme = cached.get(card.repo)
        if readme is None or readme.source != digest:
            text = renderer.render(card).encode()
            readme = new[card.repo] = ReadmeDigest(digest, bytes_digest(text))
        yield file, card, _desired(card, readme.digest, card_model_files(card, models), cache)
    cache.save_readmes(new)


def commit_builder(session: HubSession, files: Sequence[Path]) -> Callable[[Change], CommitRequest]:
    """What builds the commit of a change of one of these cards, read anew.

    It raises ConflictError when a file is not what was planned.
    """
    by_name = {file.stem.casefold(): file for file in files}

    def build(change: Change) -> CommitRequest:
        card = load_card(by_name[change.name.casefold()])
        readme = session.renderer.render(card).encode()
        paths = card_model_files(card, session.project.models_folder)
        desired = _desired(card, bytes_digest(readme), paths, session.cache)
        for path, planned in change.files.items():
            if path not in desired.files or desired.files[path].sha256 != planned:
                what = f"{path} changed since the plan was made"
                raise HubtoolsError(what, where=change.repo, fix="Run again")
        return CommitRequest(
            change=change,
            desired=desired,
            data={path: readme for path in change.files if path == README},
            paths={path: paths[path] for path in change.files if path != README},
            private=session.project.config.hub.private,
            message=_message(change),
        )

    return build


def _message(change: Change) -> str:
    match change.action:
        case "create":
            return f"Publish {change.name}"
        case "retire":
            return f"Retire {change.name}"
        case _:
            return f"Update {', '.join(list(change.files)[:3])}"


def is_merged(readme: bytes, card_file: Path) -> bool:
    """Whether overwriting a README on the Hub loses nothing.

    It ends with the digest of our own work, or the card has its edits already, or importing it
    gives the very card that is here.
    """
    if is_sealed(readme.decode("utf-8", errors="replace")):
        return True
    card = load_card(card_file)
    if card.pulled == hashlib.sha256(readme).hexdigest():
        return True
    try:
        return import_readme(readme.decode("utf-8"), repo=card.repo) == card
    except (CardError, UnicodeDecodeError):
        return False


def card_model_files(card: Card, models: Path) -> dict[str, Path]:
    """The files of a card's model by name; none where only the card is published."""
    folder = models / card.repo
    names = () if card.state == "retired" else model_files(folder)
    return {name: folder / name for name in names}


def model_files(folder: Path) -> tuple[str, ...]:
    """The names of a complete model's files; nothing else of a folder is ever sent.

    A folder without `run.json` is not complete, and none of it is sent.
    """
    record = folder / RUN_RECORD
    if not record.is_file():
        return ()
    recorded = read_record(record.read_bytes()).get("files", {})
    found = (file.name for file in folder.iterdir() if _IS_MODEL_FILE.match(file.name))
    names = {name for name in {*recorded, *found} if name != README and (folder / name).is_file()}
    return (*sorted(names), RUN_RECORD)


def _desired(card: Card, readme: Digest, files: Mapping[str, Path], cache: StateCache) -> Desired:
    digests = {name: file_digest(path, cache) for name, path in files.items()}
    return Desired(card.repo, card.state == "retired", {README: readme, **digests})


def bytes_digest(data: bytes) -> Digest:
    return _digest(len(data), (data,))


def file_digest(file: Path, cache: StateCache) -> Digest:
    """The digest of a file, read again only when it changed.

    Raises ConflictError when it changes while it is read.
    """
    cached = cache.digest(file)
    if cached is not None:
        return cached
    before = stamp_of(str(file))
    with file.open("rb") as stream:
        size = file.stat().st_size
        digest = _digest(size, iter(lambda: stream.read(_CHUNK), b""))
    if before is None or before.size != size or stamp_of(str(file)) != before:
        raise ConflictError("changed while it was read", where=file, fix="Run again")
    cache.save_digest(file, before, digest)
    return digest


def _digest(size: int, chunks: Iterable[bytes]) -> Digest:
    """Both digests in one pass; git puts a header with the size before the bytes."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for chunk in chunks:
        sha256.update(chunk)
        git.update(chunk)
    return Digest(sha256.hexdigest(), git.hexdigest())
