"""Running models for visitors: one at a time, in order of arrival, and with limits per visitor."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from hubtools.localhub.errors import StoreError
from hubtools.localhub.inference_client import InferenceClient
from hubtools.localhub.inference_messages import GenerationEvent, GenerationFailed, Queued
from hubtools.localhub.store import Store
from hubtools.localhub.types import Entry, Repo

_MAX_QUEUED = 8  # requests that wait or run
_MAX_QUEUED_EACH = 3  # of one address
_MAX_A_MINUTE = 20  # requests of one address
_HEARTBEAT = 5.0  # seconds; writing a message now and then finds out who has left
_MODEL_FILES = (".json", ".safetensors", ".txt", ".model", ".jinja")


class TooManyRequestsError(StoreError):
    """The queue is full, or an address sends too many requests."""

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
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def enter(self, address: str) -> Ticket:
        """A place at the end.

        Raises TooManyRequestsError when the queue or the address's share of it is full.
        """
        now = self._clock()
        for known in [a for a, times in self._recent.items() if times[-1] < now - 60]:
            del self._recent[known]
        recent = [then for then in self._recent.get(address, ()) if then >= now - 60]
        queued = sum(ticket.address == address for ticket in self._tickets)
        if (
            len(self._tickets) >= _MAX_QUEUED
            or queued >= _MAX_QUEUED_EACH
            or len(recent) >= _MAX_A_MINUTE
        ):
            raise TooManyRequestsError("too many prompts at once", fix="Try again in a minute")
        self._recent[address] = deque((*recent, now))
        ticket = Ticket(address)
        self._tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the place up."""
        self._tickets.remove(ticket)
        self._moved.set()
        self._moved = asyncio.Event()

    def ahead(self, ticket: Ticket) -> int:
        """How many requests come first."""
        return self._tickets.index(ticket)

    async def wait(self) -> None:
        """Sleep until somebody leaves, or for a few seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT):
                await self._moved.wait()


class InferenceService:
    """Runs the models of a store, each with the files of its head."""

    def __init__(self, store: Store) -> None:
        self.queue = InferenceQueue()
        self._store = store
        self._client = InferenceClient()
        self._folder: Path | None = None

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
        self._drop_folder()

    def _model_folder(self, repo: Repo, entries: Mapping[str, Entry]) -> Path:
        """A folder of links to the model's files under the names that transformers expects."""
        name = f"{repo.key}-{repo.head}"
        if self._folder is not None and self._folder.name == name:
            return self._folder
        self._drop_folder()
        folder = Path(tempfile.mkdtemp(prefix="hubtools-model-")) / name
        folder.mkdir()
        for path, entry in entries.items():
            if "/" not in path and path.endswith(_MODEL_FILES):
                (folder / path).symlink_to(self._store.objects.path(entry.sha256).resolve())
        self._folder = folder
        return folder

    def _drop_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)
            self._folder = None
