"""The endpoint behind the prompt box on a model's page: predictions as JSON lines."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hubtools.core.errors import MissingExtraError
from hubtools.core.extras import require_extra
from hubtools.core.results import Prediction
from hubtools.localhub import share_links
from hubtools.localhub.errors import StoreError, TooLargeError
from hubtools.localhub.http import context_of, json_body, repo_for
from hubtools.localhub.inference_messages import GeneratedText, GenerationEvent
from hubtools.localhub.links import Links
from hubtools.localhub.types import Entry, Repo

_MAX_PROMPT = 400  # characters
_MAX_BODY = 16 << 10  # bytes
_MAX_WEIGHTS = 8 << 30  # bytes


class NotRunnableError(StoreError):
    status = 501


class _PromptBody(msgspec.Struct):
    prompt: str
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5


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
    """Stream the events of a prompt, each `GenerationEvent` as a line of JSON."""
    body = await json_body(request, _PromptBody, _MAX_BODY)
    prompt = _printable(body.prompt).strip()
    if len(prompt) > _MAX_PROMPT:
        raise TooLargeError(f"the prompt is longer than {_MAX_PROMPT} characters")
    repo, entries = await run_in_threadpool(_runnable, request)
    service = context_of(request).inference
    if service is None:
        raise NotRunnableError("prompting is turned off on this Hub")
    ticket = service.queue.enter(request.client.host if request.client else "")
    seed = secrets.randbelow(2**31)
    events = service.generate(ticket, repo, entries, prompt, body.count, seed)
    lines = _lines(request, repo, prompt, events)
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
    links = Links("")
    return msgspec.structs.replace(
        event,
        text=text,
        share_url=links.share(repo.id, signed),
        picture_url=links.share_picture(repo.id, signed) if can_draw() else None,
    )


def can_draw() -> bool:
    return find_spec("matplotlib") is not None and find_spec("PIL") is not None


def _runnable(request: Request) -> tuple[Repo, Mapping[str, Entry]]:
    with repo_for(request) as (snapshot, repo):
        entries = {entry.path: entry for entry in snapshot.tree(repo, snapshot.head(repo))}
    reason = why_not_runnable(entries)
    if reason is not None:
        raise NotRunnableError(reason.rstrip("."))
    return repo, entries


def _printable(text: str) -> str:
    """The text without characters that no page can show; line breaks stay."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
