"""Ten thousand cards to READMEs: in chunks, on all cores, and only those that changed.

What a README was made of is remembered in `.hubtools/state.sqlite`, so that an unchanged card costs
a look at its files. Nothing stale is left: a card is rendered again when its TOML or prose, a
template, a setting, our own code or the README on disk is not what it was. The memory may be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from pathlib import Path

from hubtools.cards.card_file import parse_card, read_card
from hubtools.cards.render import CardRenderer
from hubtools.cards.render_cache import Made, RenderMemory, stamp_of
from hubtools.core.errors import CardError, HubtoolsError, OutputError, PartlyDoneError
from hubtools.core.events import Reporter
from hubtools.core.files import writing
from hubtools.core.template_root import template_root

CHUNK = 100
"""Cards that a process takes at a time."""
WORTH_A_POOL = 500
"""Cards below which starting processes costs more than it saves."""
README = "README.md"
_LIBRARIES = ("hf-hubtools", "jinja2", "markupsafe")


@dataclass(frozen=True, slots=True)
class Failure:
    """A card that could not be rendered, and why."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """How many READMEs were written, how many were as they should be, and what failed, by name."""

    rendered: int
    unchanged: int
    failed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Card files, and what is remembered of them."""

    files: tuple[Path, ...]
    memory: Mapping[str, Made]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a chunk."""

    cards: int
    unchanged: int
    made: tuple[Made, ...]
    """READMEs that were written, or compared whole with what they should be."""
    strays: tuple[Made, ...]
    """Those whose repository is not named as the card's file."""
    failed: tuple[Failure, ...]


def render_all(
    files: Sequence[Path],
    out: Path,
    renderer: CardRenderer,
    *,
    jobs: int = 1,
    report: Reporter | None = None,
) -> Rendered:
    """Write `out`/NAME/README.md for each card file; NAME is the card's repository.

    A card that cannot be rendered is in `failed`, and the others are rendered all the same. Many
    cards are shared out to `jobs` processes. Each README is replaced in one step, but not forced
    to the disk: after a power failure, remove `out` and run again.

    Raises CardError when the templates cannot be used at all, OutputError when `out` cannot be
    written, PartlyDoneError when a process dies.
    """
    fresh = replace(renderer)  # without a template that was compiled before it was changed
    fresh.prepare()
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    memory = RenderMemory(out, fingerprint(renderer))
    with closing(memory), (report or Reporter()).task("Rendering", len(files)) as bar:
        chunks = (_recalled(files[i : i + CHUNK], memory) for i in range(0, len(files), CHUNK))
        tally = _Tally()
        for outcome in _outcomes(chunks, len(files) - len(memory), jobs, out, fresh):
            memory.remember(outcome.made)
            tally.add(outcome)
            bar.advance(tally.cards)
    return tally.result()


def fingerprint(renderer: CardRenderer) -> bytes:
    """A digest of all that a README depends on besides its card: settings, templates, code."""
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


class _Tally:
    """Adds up outcomes, and finds files of other names that share a repository."""

    def __init__(self) -> None:
        self.cards = 0
        self._unchanged = 0
        self._failed: list[Failure] = []
        self._strays: dict[str, str] = {}

    def add(self, outcome: _Outcome) -> None:
        self.cards += outcome.cards
        self._unchanged += outcome.unchanged
        self._failed.extend(outcome.failed)
        for stray in outcome.strays:
            first = self._strays.setdefault(stray.repo.lower(), stray.name)
            if first != stray.name:
                what = f"repo: {stray.repo!r} is the repository of the card {first!r} too"
                self._failed.append(Failure(stray.name, what))

    def result(self) -> Rendered:
        rendered = self.cards - self._unchanged - len(self._failed)
        failed = sorted(self._failed, key=lambda failure: failure.name)
        return Rendered(rendered, self._unchanged, tuple(failed))


def _recalled(files: Sequence[Path], memory: RenderMemory) -> _Chunk:
    return _Chunk(tuple(files), memory.recall([file.stem for file in files]))


def _outcomes(
    chunks: Iterator[_Chunk], new: int, jobs: int, out: Path, renderer: CardRenderer
) -> Iterator[_Outcome]:
    """What becomes of each chunk, shared among as many processes as `new` cards are worth."""
    if jobs < 2 or new < WORTH_A_POOL:
        yield from map(partial(_render_chunk, out, renderer), chunks)
        return
    with worker_pool(jobs - 1) as pool:
        pending: deque[Future[_Outcome]] = deque()
        for chunk in chunks:
            if len(pending) < 2 * (jobs - 1):
                with interrupts_later():  # a process that starts inherits that
                    pending.append(pool.submit(_in_worker, out, replace(renderer), chunk))
                continue
            yield _render_chunk(out, renderer, chunk)  # the others are busy, or not yet awake
            while pending and pending[0].done():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that leave Ctrl-C to this one, and whose waiting work is dropped on an error."""
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise PartlyDoneError(
            "a process that was rendering died", fix="Run it again; what is done is kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_later() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Leave Ctrl-C to the process that waits for this one, and end when that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@lru_cache(maxsize=1)
def _kept(renderer: CardRenderer) -> CardRenderer:
    """The first renderer that equals this one, its template compiled once in a process."""
    return renderer


def _in_worker(out: Path, renderer: CardRenderer, chunk: _Chunk) -> _Outcome:
    return _render_chunk(out, _kept(renderer), chunk)


def _render_chunk(out: Path, renderer: CardRenderer, chunk: _Chunk) -> _Outcome:
    unchanged = 0
    made: list[Made] = []
    strays: list[Made] = []
    failed: list[Failure] = []
    for file in chunk.files:
        known = chunk.memory.get(file.stem)
        try:
            current, written = _make(file, known, out, renderer)
        except OutputError:
            raise
        except (HubtoolsError, OSError, ValueError, TypeError, RecursionError) as error:
            failed.append(Failure(file.stem, _in_a_line(error, file)))
            continue
        unchanged += not written
        if current is not known:
            made.append(current)
        if current.repo != file.stem:
            strays.append(current)
    return _Outcome(len(chunk.files), unchanged, tuple(made), tuple(strays), tuple(failed))


def _in_a_line(error: Exception, file: Path) -> str:
    if isinstance(error, HubtoolsError):
        return str(error)
    return str(CardError(f"cannot be rendered: {error}", where=file))


def _make(file: Path, known: Made | None, out: Path, renderer: CardRenderer) -> tuple[Made, bool]:
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
        raise CardError(what, where=f"{file}: repo", fix=f"Say repo = '{file.stem}'")
    data = renderer.render(card).encode()
    readme = f"{out}/{card.repo}/{README}"
    with writing(out):
        written = _put(readme, data)
        stamp = stamp_of(readme)
    if stamp is None:
        raise OutputError("was removed while it was written", where=readme)
    return Made(file.stem, card.repo, digest, stamp), written


def source_digest(toml: bytes, prose: bytes | None) -> bytes:
    """A digest of the bytes that a card is read from."""
    digest = hashlib.sha256(toml)
    if prose is not None:
        digest.update(b"\0" + prose)  # a NUL stands in no TOML
    return digest.digest()


def _put(path: str, data: bytes) -> bool:
    """Make the file at `path` hold `data`, in one step; False when it does already."""
    folder, name = os.path.split(path)
    try:
        os.mkdir(folder)  # noqa: PTH102 - paths are strings here for speed
    except FileExistsError:
        if _holds(path, data):
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


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(len(data) + 1) == data
    except FileNotFoundError:
        return False
