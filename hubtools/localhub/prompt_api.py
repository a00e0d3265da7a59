"""The prompt box: one model speaks at a time, others wait in line, and nobody asks without end."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import tempfile
import time
import unicodedata
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hubtools.core.errors import MissingExtraError
from hubtools.core.results import Prediction
from hubtools.localhub import share_links
from hubtools.localhub.errors import BadRequestError, StoreError, TooLargeError
from hubtools.localhub.http import context_of, is_signed_in, json_object, repo_id_of
from hubtools.localhub.inference_client import Speaker
from hubtools.localhub.links import ServerLinks
from hubtools.localhub.store import Store
from hubtools.localhub.types import Entry, Repo

MAX_PROMPT = 400
"""Characters of a prompt."""
MAX_COUNT = 10
DEFAULT_COUNT = 5
_MAX_BODY = 16 << 10  # bytes
_LARGEST = 8 << 30  # bytes of weights
_LINE = 8  # requests that wait or run
_LINE_EACH = 3  # of one address
_A_MINUTE = 20  # requests of one address
_HEARTBEAT = 5.0  # seconds; a message now and then finds out who has gone
_LOADED = (".json", ".safetensors", ".txt", ".model", ".jinja")


class BusyError(StoreError):
    """Too many ask at once, or one asks too often."""

    status = 429


class NotRunnableError(StoreError):
    """A model that cannot be prompted here."""

    status = 501


@dataclass(frozen=True, slots=True)
class Wish:
    """What a visitor asks of a model."""

    prompt: str
    count: int
    seed: int


def why_not(entries: Mapping[str, Entry]) -> str | None:
    """Why a model with these files cannot be prompted here; None when it can."""
    weights = [e for e in entries.values() if e.path.endswith(".safetensors") and "/" not in e.path]
    if "config.json" not in entries or not weights:
        return "This repository holds no weights as safetensors, so there is nothing to prompt."
    if sum(entry.size for entry in weights) > _LARGEST:
        return "This model is too large to be prompted here."
    if find_spec("torch") is None or find_spec("transformers") is None:
        error = MissingExtraError("train", "prompting a model here")
        return str(error)[:1].upper() + str(error)[1:]
    return None


class Line:
    """Who is being served and who waits, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[tuple[object, str]] = []
        self._moved = asyncio.Event()
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)

    def enter(self, address: str) -> object:
        """A place at the end. Raises BusyError when the line or the address's share is full."""
        now = time.monotonic()
        for known in [a for a, times in self._asked.items() if times[-1] < now - 60]:
            del self._asked[known]
        times = self._asked[address]
        while times and times[0] < now - 60:
            times.popleft()
        mine = sum(1 for _, other in self._waiting if other == address)
        if len(self._waiting) >= _LINE or mine >= _LINE_EACH or len(times) >= _A_MINUTE:
            if not times:
                del self._asked[address]
            raise BusyError("too many prompts at once", fix="Try again in a minute")
        times.append(now)
        place = object()
        self._waiting.append((place, address))
        return place

    def leave(self, place: object) -> None:
        """Make room."""
        self._waiting = [entry for entry in self._waiting if entry[0] is not place]
        self._moved.set()
        self._moved = asyncio.Event()

    def ahead(self, place: object) -> int:
        """How many come first."""
        return next(i for i, entry in enumerate(self._waiting) if entry[0] is place)

    async def wait(self) -> None:
        """Until somebody leaves, or for a few seconds."""
        try:
            async with asyncio.timeout(_HEARTBEAT):
                await self._moved.wait()
        except TimeoutError:
            return


class Box:
    """Runs the models of a store for visitors."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._speaker = Speaker()
        self._line = Line()
        self._folder: Path | None = None

    def enter(self, address: str) -> object:
        """A place in the line; see `Line.enter`."""
        return self._line.enter(address)

    def leave(self, place: object) -> None:
        """Give the place up."""
        self._line.leave(place)

    async def answers(
        self, place: object, repo: Repo, entries: Mapping[str, Entry], wish: Wish
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """What to tell the visitor who holds `place`, until all is said."""
        try:
            while ahead := self._line.ahead(place):
                yield {"waiting": ahead}
                await self._line.wait()
            folder = await run_in_threadpool(self._model_folder, repo, entries)
            said = self._speaker.say(folder, wish.prompt, wish.count, wish.seed)
            async with aclosing(said) as messages:
                async for message in messages:
                    yield message
        except OSError as error:
            yield {"error": f"The model's files cannot be read: {error.strerror or error}."}

    async def close(self) -> None:
        """End the process that runs models, and forget its files."""
        await self._speaker.close()
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)

    def _model_folder(self, repo: Repo, entries: Mapping[str, Entry]) -> Path:
        """A folder with links to the contents under the names that transformers looks for."""
        name = f"{repo.key}-{repo.head}"
        if self._folder is not None and self._folder.name == name:
            return self._folder
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="hubtools-model-")) / name
        folder.mkdir()
        for path, entry in entries.items():
            if "/" not in path and path.endswith(_LOADED):
                (folder / path).symlink_to(self._store.objects.path(entry.sha256).resolve())
        self._folder = folder
        return folder


class _Answers(StreamingResponse):
    """JSON lines, ended as soon as the visitor has gone."""

    def __init__(self, lines: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(lines, media_type="application/x-ndjson", headers=headers)
        self._lines, self._leave = lines, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._lines):
                await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def predict(request: Request) -> Response:
    """POST /{id}/predict, the body `{"prompt": …, "count": 5}`: JSON lines as they come.

    `{"waiting": n}`, `{"loading": true}`, `{"number": n, "text": …}`, with `"done"`, `"share"` and
    `"picture"` when a text is whole, `{"error": …}`.
    """
    wish = _wish(await _small_body(request))
    repo, entries = await run_in_threadpool(_runnable, request)
    box: Box | None = request.app.state.box
    if box is None:
        raise NotRunnableError("prompting is switched off on this Hub")
    place = box.enter(request.client.host if request.client else "")
    answers = box.answers(place, repo, entries, wish)
    return _Answers(_lines(request, repo, wish, answers), lambda: box.leave(place))


async def _lines(
    request: Request, repo: Repo, wish: Wish, answers: AsyncGenerator[Mapping[str, Any], None]
) -> AsyncGenerator[bytes, None]:
    key = await run_in_threadpool(share_links.share_key, context_of(request).store.root)
    links = ServerLinks("")
    async with aclosing(answers) as messages:
        async for message in messages:
            more: dict[str, str] = {}
            if "text" in message:
                more["text"] = _printable(message["text"])
            if message.get("done"):
                said = Prediction(prompt=wish.prompt, text=more["text"])
                signed = share_links.sign(key, repo, said)
                more["share"] = links.share(repo.id, signed)
                if can_draw():
                    more["picture"] = links.share_picture(repo.id, signed)
            yield json.dumps({**message, **more}, ensure_ascii=False).encode() + b"\n"


def can_draw() -> bool:
    """Whether the libraries that draw pictures are installed."""
    return find_spec("matplotlib") is not None and find_spec("PIL") is not None


def _runnable(request: Request) -> tuple[Repo, Mapping[str, Entry]]:
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        repo = snapshot.repo(repo_id_of(request))
        entries = {
            entry.path: entry for entry in snapshot.tree(repo, snapshot.commit(repo, "main"))
        }
    reason = why_not(entries)
    if reason is not None:
        raise NotRunnableError(reason.rstrip("."))
    return repo, entries


async def _small_body(request: Request) -> Mapping[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequestError("the body must be JSON", fix="Send Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise TooLargeError("the prompt is too long")
    return json_object(bytes(body))


def _wish(body: Mapping[str, Any]) -> Wish:
    prompt, count = body.get("prompt"), body.get("count", DEFAULT_COUNT)
    if not isinstance(prompt, str) or type(count) is not int or not 1 <= count <= MAX_COUNT:
        raise BadRequestError(
            "a prediction needs a prompt", fix=f'Send {{"prompt": "…", "count": 1 to {MAX_COUNT}}}'
        )
    plain = _printable(prompt).strip()
    if len(plain) > MAX_PROMPT:
        raise TooLargeError(f"the prompt is longer than {MAX_PROMPT} characters")
    return Wish(plain, count, secrets.randbelow(2**31))


def _printable(text: str) -> str:
    """Without characters that no page can show; line ends stay."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
