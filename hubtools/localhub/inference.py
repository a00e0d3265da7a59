"""Running models for visitors: one at a time, in order of arrival, and with limits per visitor.

The models run in a process of their own, `hubtools.localhub.inference_worker`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from starlette.concurrency import run_in_threadpool

from hubtools.localhub.errors import StoreError
from hubtools.localhub.inference_messages import (
    Generate,
    GenerationEvent,
    GenerationFailed,
    Queued,
    StopGenerating,
    WorkerReply,
    WorkerRequest,
)
from hubtools.localhub.store import Store
from hubtools.localhub.types import Entry, Repo

_MAX_QUEUED = 8  # requests that wait or run
_MAX_QUEUED_EACH = 3  # of one address
_MAX_A_MINUTE = 20  # requests of one address
_HEARTBEAT = 5.0  # seconds; writing a message now and then finds out who has left
_MODEL_FILES = (".json", ".safetensors", ".txt", ".model", ".jinja")
_LINE_LIMIT = 1 << 20  # bytes
_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBTOOLS_HUB_TOKEN")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_WORKER_DIED = "The model stopped unexpectedly. It may need more memory than this machine has."


class TooManyRequestsError(StoreError):
    status = 429


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A place in the queue."""

    address: str


class InferenceQueue:
    """Whose request is running and whose is waiting, in order of arrival."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tickets: list[Ticket] = []
        self._moved = asyncio.Event()
        self._recent: list[tuple[float, str]] = []

    def enter(self, address: str) -> Ticket:
        """A place at the end. Raises TooManyRequestsError when there is none for the address."""
        now = self._clock()
        self._recent = [(then, known) for then, known in self._recent if then >= now - 60]
        if (
            len(self._tickets) >= _MAX_QUEUED
            or sum(ticket.address == address for ticket in self._tickets) >= _MAX_QUEUED_EACH
            or sum(known == address for _, known in self._recent) >= _MAX_A_MINUTE
        ):
            raise TooManyRequestsError("too many prompts at once", fix="Try again in a minute")
        self._recent.append((now, address))
        ticket = Ticket(address)
        self._tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        self._tickets.remove(ticket)
        self._moved.set()
        self._moved = asyncio.Event()

    def ahead(self, ticket: Ticket) -> int:
        """How many requests come first."""
        return self._tickets.index(ticket)

    async def wait(self) -> None:
        """Sleep until somebody leaves, or for a few seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), _HEARTBEAT)


class InferenceClient:
    """Runs one model at a time in a worker process, which starts with the first request."""

    def __init__(self, timeout: float = 180.0) -> None:
        """`timeout`: seconds that a request may take, loading included."""
        self._timeout = timeout
        self._process: asyncio.subprocess.Process | None = None
        self._last_id = 0

    async def generate(
        self, folder: Path, prompt: str, count: int, seed: int
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield what happens while the model in `folder` generates `count` predictions.

        Closing the iterator stops the model. Only one request may be running.
        """
        self._last_id += 1
        request = Generate(self._last_id, str(folder), prompt, count, seed)
        deadline = asyncio.get_running_loop().time() + self._timeout
        ended = False
        try:
            await self._start_worker()
            self._send(request)
            while line := await self._read_line(deadline):
                reply = msgspec.json.decode(line, type=WorkerReply)
                if reply.id != request.id:
                    continue  # to an earlier request, which was stopped
                if reply.event is None:
                    ended = True
                    return
                yield reply.event
            await self.close()
            yield GenerationFailed(_WORKER_DIED)
        except TimeoutError:
            await self.close()
            yield GenerationFailed(f"The model took longer than {self._timeout:.0f} seconds.")
        except (BrokenPipeError, ConnectionResetError):
            await self.close()
            yield GenerationFailed(_WORKER_DIED)
        finally:
            if not ended:
                self._send(StopGenerating(request.id))

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _read_line(self, deadline: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout_at(deadline):
            return await self._process.stdout.readline()

    async def _start_worker(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        kept = {key: value for key, value in os.environ.items() if key not in _SECRETS}
        self._process = await asyncio.create_subprocess_exec(
            # -P: a folder named like a library, where the server runs, does not shadow the library.
            *(sys.executable, "-P", "-m", "hubtools.localhub.inference_worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**kept, **_OFFLINE},
            limit=_LINE_LIMIT,
        )

    def _send(self, message: WorkerRequest) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(RuntimeError):  # the event loop is closed, and with it the worker's stdin
                self._process.stdin.write(msgspec.json.encode(message) + b"\n")


class InferenceService:
    """Runs the models of a store, each with the files of its head."""

    def __init__(self, store: Store) -> None:
        self.queue = InferenceQueue()
        self._store = store
        self._client = InferenceClient()
        self._folder: TemporaryDirectory[str] | None = None
        self._model: tuple[int, str] | None = None

    async def generate(
        self,
        ticket: Ticket,
        repo: Repo,
        entries: Mapping[str, Entry],
        prompt: str,
        count: int,
        seed: int,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Wait for the ticket's turn, then generate `count` predictions; yields what happens."""
        try:
            while ahead := self.queue.ahead(ticket):
                yield Queued(ahead)
                await self.queue.wait()
            folder = await run_in_threadpool(self._model_folder, repo, entries)
            async with aclosing(self._client.generate(folder, prompt, count, seed)) as events:
                async for event in events:
                    yield event
        except OSError as error:
            reason = error.strerror or str(error)
            yield GenerationFailed(f"The model's files cannot be read: {reason}.")

    async def close(self) -> None:
        """Kill the worker and delete the links to the model's files."""
        await self._client.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _model_folder(self, repo: Repo, entries: Mapping[str, Entry]) -> Path:
        """A folder of links to the model's files under the names that transformers expects."""
        if self._folder is None or self._model != (repo.key, repo.head):
            if self._folder is not None:
                self._folder.cleanup()
            self._folder, self._model = TemporaryDirectory(prefix="hubtools-model-"), None
            for path, entry in entries.items():
                if "/" not in path and path.endswith(_MODEL_FILES):
                    content = self._store.objects.path(entry.sha256).resolve()
                    Path(self._folder.name, path).symlink_to(content)
            self._model = (repo.key, repo.head)
        return Path(self._folder.name)
