"""The server's side of the inference worker; see `hubtools.localhub.inference_worker`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec

from hubtools.localhub.inference_messages import (
    Generate,
    GenerationEvent,
    GenerationFailed,
    StopGenerating,
    WorkerReply,
    WorkerRequest,
)

_LINE_LIMIT = 1 << 20  # bytes
_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBTOOLS_HUB_TOKEN")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_WORKER_DIED = "The model stopped unexpectedly. It may need more memory than this machine has."


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
        try:
            await self._start_worker()
            self._send(request)
            async with aclosing(self._events(request.id, deadline)) as events:
                async for event in events:
                    yield event
        except TimeoutError:
            await self.close()
            yield GenerationFailed(f"The model took longer than {self._timeout:.0f} seconds.")
        except (BrokenPipeError, ConnectionResetError):
            yield GenerationFailed(_WORKER_DIED)

    async def close(self) -> None:
        """Kill the worker."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _events(self, id: int, deadline: float) -> AsyncGenerator[GenerationEvent, None]:
        """The events of request `id`; replies to an earlier, stopped one are skipped."""
        ended = False
        try:
            while line := await self._read_line(deadline):
                reply = msgspec.json.decode(line, type=WorkerReply)
                if reply.id != id:
                    continue
                if reply.event is None:
                    ended = True
                    return
                yield reply.event
            ended = True
            await self.close()
            yield GenerationFailed(_WORKER_DIED)
        finally:
            if not ended:
                self._send(StopGenerating(id))

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
