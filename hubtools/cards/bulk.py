"""Render ten thousand cards: in chunks, on all cores, and only those that changed.

What each README was rendered from is kept in `.hubtools/state.sqlite`, so an unchanged card costs a
look at its files. A card is rendered again when its TOML or prose, a template, a setting, our own
code or the README on disk changed. The state may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from hubtools.cards.card_file import parse_card, read_card
from hubtools.cards.render import CardRenderer
from hubtools.cards.render_cache import RenderCache, RenderCacheEntry
from hubtools.core.cancel import CancelToken
from hubtools.core.errors import CardError, HubtoolsError, OutputError, PartlyDoneError
from hubtools.core.events import SILENT, Reporter, Task
from hubtools.core.files import writing
from hubtools.core.parallel import map_chunks
from hubtools.core.state import stamp_of
from hubtools.core.template_root import template_root

CHUNK = 100
"""Cards that a process takes at a time."""
WORTH_A_POOL = 500
"""Cards below which starting processes costs more than it saves."""
README = "README.md"
_LIBRARIES = ("hf-hubtools", "jinja2", "markupsafe")


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """A card that could not be rendered, and why."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class RenderResult:
    """How many READMEs were written, how many were up to date, and what failed, by name."""

    rendered: int
    unchanged: int
    failed: tuple[RenderFailure, ...] = ()

    def error(self) -> HubtoolsError | None:
        """The error to end with: that of the only card, PartlyDoneError for some of many."""
        return PartlyDoneError.of(
            [CardError(failure.error) for failure in self.failed],
            self.rendered + self.unchanged + len(self.failed),
            "cards could not be rendered",
            "Run `hubtools cards check --all`, fix what it finds, and render again",
        )


@dataclass(frozen=True, slots=True)
class _CardChunk:
    files: tuple[Path, ...]
    cached: Mapping[str, RenderCacheEntry]


@dataclass(frozen=True, slots=True)
class _ChunkResult:
    cards: int
    unchanged: int
    made: tuple[RenderCacheEntry, ...]
    """READMEs that were written, or compared in full with what they should be."""
    strays: tuple[RenderCacheEntry, ...]
    """Those whose repository has another name than the card's file."""
    failed: tuple[RenderFailure, ...]


def render_all(
    files: Sequence[Path],
    out: Path,
    renderer: CardRenderer,
    *,
    jobs: int = 1,
    reporter: Reporter = SILENT,
    cancel: CancelToken | None = None,
) -> RenderResult:
    """Write `out`/NAME/README.md for each card file; NAME is the card's repository.

    A card that cannot be rendered is in `failed`, and the others are rendered all the same. Many
    cards are shared among `jobs` processes. Each README is replaced in one step, but not forced
    to the disk: after a power failure, remove `out` and run again.

    Raises CardError when the templates cannot be used at all, OutputError when `out` cannot be
    written, PartlyDoneError when a process dies, CancelledError when `cancel` is set.
    """
    fresh = replace(renderer)  # without a template that was compiled before it was changed
    fresh.prepare()
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    cache = RenderCache(out, fingerprint(renderer))
    with closing(cache), reporter.task("Rendering", len(files)) as bar:
        parts = (tuple(files[i : i + CHUNK]) for i in range(0, len(files), CHUNK))
        chunks = (_CardChunk(part, cache.get([file.stem for file in part])) for part in parts)
        processes = jobs if len(files) - len(cache) >= WORTH_A_POOL else 1
        with closing(map_chunks(partial(_render_chunk, out, fresh), chunks, processes)) as results:
            return _added_up(results, cache, bar, cancel)


def fingerprint(renderer: CardRenderer) -> bytes:
    """A digest of everything a README depends on besides its card: settings, templates, code."""
    settings = [(f.name, getattr(renderer, f.name)) for f in fields(renderer)]
    versions = [version(library) for library in _LIBRARIES]
    digest = hashlib.sha256(repr((settings, versions)).encode())
    folders = [(Path(__file__).parent, "*.py"), (template_root(), "*.j2")]
    if renderer.templates is not None:
        folders.append((renderer.templates, "*"))
    for folder, pattern in folders:
        for file in sorted(path for path in folder.rglob(pattern) if path.is_file()):
            digest.update(f"\0{file.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def _added_up(
    results: Iterable[_ChunkResult], cache: RenderCache, bar: Task, cancel: CancelToken | None
) -> RenderResult:
    """Add up results; of files that share a repository under other names all but one fail."""
    cards = unchanged = 0
    failed: list[RenderFailure] = []
    strays: dict[str, str] = {}
    for result in results:
        cache.put(result.made)
        cards += result.cards
        unchanged += result.unchanged
        failed += result.failed
        for stray in result.strays:
            first = strays.setdefault(stray.repo.lower(), stray.name)
            if first != stray.name:
                what = f"repo: {stray.repo!r} is also the repository of the card {first!r}"
                failed.append(RenderFailure(stray.name, what))
        bar.advance(cards)
        if cancel is not None:
            cancel.raise_if_cancelled()
    failed.sort(key=lambda failure: failure.name)
    return RenderResult(cards - unchanged - len(failed), unchanged, tuple(failed))


def _render_chunk(out: Path, renderer: CardRenderer, chunk: _CardChunk) -> _ChunkResult:
    unchanged = 0
    made: list[RenderCacheEntry] = []
    strays: list[RenderCacheEntry] = []
    failed: list[RenderFailure] = []
    for file in chunk.files:
        known = chunk.cached.get(file.stem)
        try:
            current, written = _make(file, known, out, renderer)
        except OutputError:
            raise
        except (HubtoolsError, OSError, ValueError, TypeError, RecursionError) as error:
            failed.append(RenderFailure(file.stem, _in_a_line(error, file)))
            continue
        unchanged += not written
        if current is not known:
            made.append(current)
        if current.repo != file.stem:
            strays.append(current)
    return _ChunkResult(len(chunk.files), unchanged, tuple(made), tuple(strays), tuple(failed))


def _in_a_line(error: Exception, file: Path) -> str:
    if isinstance(error, HubtoolsError):
        return str(error)
    return str(CardError(f"cannot be rendered: {error}", where=file))


def _make(
    file: Path, known: RenderCacheEntry | None, out: Path, renderer: CardRenderer
) -> tuple[RenderCacheEntry, bool]:
    """The README of the card in `file`, and whether it had to be written."""
    toml, prose = read_card(file)
    digest = source_digest(toml, prose)
    if known is not None and known.digest == digest:
        stamp = stamp_of(f"{out}/{known.repo}/{README}")
        if stamp == known.stamp:
            return known, False
    card = parse_card(file, toml, prose)
    if card.repo.lower() != file.stem.lower() and file.with_name(f"{card.repo}.toml").is_file():
        what = f"{card.repo!r} is the repository of {card.repo}.toml"
        raise CardError(what, where=f"{file}: repo", fix=f"Set repo = '{file.stem}'")
    data = renderer.render(card).encode()
    readme = f"{out}/{card.repo}/{README}"
    with writing(out):
        written = _put(readme, data)
        stamp = stamp_of(readme)
    if stamp is None:
        raise OutputError("was removed while hubtools wrote it", where=readme)
    return RenderCacheEntry(file.stem, card.repo, digest, stamp), written


def source_digest(toml: bytes, prose: bytes | None) -> bytes:
    """A digest of the bytes that a card is read from."""
    digest = hashlib.sha256(toml)
    if prose is not None:
        digest.update(b"\0" + prose)  # TOML cannot contain a NUL
    return digest.digest()


def _put(path: str, data: bytes) -> bool:
    """Make the file at `path` hold `data`, in one step; False when it does already."""
    folder, name = os.path.split(path)
    try:
        os.mkdir(folder)  # noqa: PTH102 - paths are strings here for speed
    except FileExistsError:
        with suppress(FileNotFoundError), open(path, "rb") as before:  # noqa: PTH123
            if before.read(len(data) + 1) == data:
                return False
    temporary = f"{folder}/.{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(temporary, flags, 0o644)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)  # noqa: PTH105 - paths are strings here for speed
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
