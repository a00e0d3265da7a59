"""The endpoint behind the prompt box on a model's page: predictions as JSON lines."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hubtools.core.errors import MissingExtraError
from hubtools.core.extras import require_extra
from hubtools.core.results import Prediction
from hubtools.localhub import share_links
from hubtools.localhub.errors import BadRequestError, StoreError, TooLargeError
from hubtools.localhub.http import context_of, json_body, repo_for
from hubtools.localhub.inference_messages import GeneratedText, GenerationEvent
from hubtools.localhub.links import ServerLinks
from hubtools.localhub.types import Entry, Repo

MAX_PROMPT = 400
"""Characters of a prompt."""
MAX_COUNT = 10
DEFAULT_COUNT = 5
_MAX_BODY = 16 << 10  # bytes
_MAX_WEIGHTS = 8 << 30  # bytes


class NotRunnableError(StoreError):
    """A model that cannot be prompted here."""

    status = 501


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """What a visitor requests of a model."""

    prompt: str
    count: int
    seed: int


def why_not_runnable(entries: Mapping[str, Entry]) -> str | None:
    """Why a model with these files cannot be prompted here, as a sentence; None when it can."""
    weights = [e for e in entries.values() if e.path.endswith(".safetensors") and "/" not in e.path]
    if "config.json" not in entries or not weights:
        return "This repository has no safetensors weights, so there is no model to run."
    if sum(entry.size for entry in weights) > _MAX_WEIGHTS:
        return "This model is too large to run here."
    try:
        require_extra("train", "Running a model", "torch", "transformers")
    except MissingExtraError as error:
        return str(error)
    return None


class _EventStream(StreamingResponse):
    """JSON lines; generating stops as soon as the visitor has left."""

    def __init__(self, lines: AsyncGenerator[bytes, None], on_end: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(lines, media_type="application/x-ndjson", headers=headers)
        self._lines, self._on_end = lines, on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._lines):
                await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def predict(request: Request) -> Response:
    """POST /{id}/predict, the body `{"prompt": …, "count": 5}`.

    Streams one JSON object per line, each a `GenerationEvent`::

        {"type": "queued", "ahead": 1}
        {"type": "loading"}
        {"type": "text", "index": 0, "text": …}    and at its end "done", "share_url", "picture_url"
        {"type": "error", "error": …}
    """
    wanted = _prompt_request(await json_body(request, _MAX_BODY))
    repo, entries = await run_in_threadpool(_runnable, request)
    service = context_of(request).inference
    if service is None:
        raise NotRunnableError("prompting is turned off on this Hub")
    ticket = service.queue.enter(request.client.host if request.client else "")
    events = service.generate(ticket, repo, entries, wanted.prompt, wanted.count, wanted.seed)
    lines = _lines(request, repo, wanted.prompt, events)
    return _EventStream(lines, lambda: service.queue.leave(ticket))


async def _lines(
    request: Request, repo: Repo, prompt: str, events: AsyncGenerator[GenerationEvent, None]
) -> AsyncGenerator[bytes, None]:
    key = await run_in_threadpool(share_links.share_key, context_of(request).store.root)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, GeneratedText):
                event = _shareable(event, key, repo, prompt)
            yield msgspec.json.encode(event) + b"\n"


def _shareable(event: GeneratedText, key: bytes, repo: Repo, prompt: str) -> GeneratedText:
    """The event as a page can show it, with the addresses that share a finished text."""
    text = _printable(event.text)
    if not event.done:
        return msgspec.structs.replace(event, text=text)
    signed = share_links.sign(key, repo, Prediction(prompt=prompt, text=text))
    links = ServerLinks("")
    return msgspec.structs.replace(
        event,
        text=text,
        share_url=links.share(repo.id, signed),
        picture_url=links.share_picture(repo.id, signed) if can_draw() else None,
    )


def can_draw() -> bool:
    """Whether the libraries that draw pictures are installed."""
    return find_spec("matplotlib") is not None and find_spec("PIL") is not None


def _runnable(request: Request) -> tuple[Repo, Mapping[str, Entry]]:
    with repo_for(request) as (snapshot, repo):
        entries = {entry.path: entry for entry in snapshot.tree(repo, snapshot.head(repo))}
    reason = why_not_runnable(entries)
    if reason is not None:
        raise NotRunnableError(reason.rstrip("."))
    return repo, entries


def _prompt_request(body: Mapping[str, Any]) -> PromptRequest:
    prompt, count = body.get("prompt"), body.get("count", DEFAULT_COUNT)
    if not isinstance(prompt, str) or type(count) is not int or not 1 <= count <= MAX_COUNT:
        raise BadRequestError(
            "prompt or count is missing or invalid",
            fix=f'Send {{"prompt": "…", "count": 1 to {MAX_COUNT}}}',
        )
    plain = _printable(prompt).strip()
    if len(plain) > MAX_PROMPT:
        raise TooLargeError(f"the prompt is longer than {MAX_PROMPT} characters")
    return PromptRequest(plain, count, secrets.randbelow(2**31))


def _printable(text: str) -> str:
    """The text without characters that no page can show; line breaks stay."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
