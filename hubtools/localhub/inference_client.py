"""The server's side of the process that runs models; see `hubtools.localhub.inference_worker`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

_LINE_LIMIT = 1 << 20  # bytes
_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBTOOLS_HUB_TOKEN")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_STOPPED = "The model stopped while it was working. Perhaps there is not enough memory for it."


class Speaker:
    """Runs one model at a time in a process of its own, which starts with the first request."""

    def __init__(self, patience: float = 180.0) -> None:
        """`patience`: seconds after which a request is given up, loading included."""
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._last = 0

    async def say(
        self, folder: Path, prompt: str, count: int, seed: int
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """The messages of `count` predictions of the model in `folder`, without ids and the end.

        Closing the iterator stops the model. Only one request may be running.
        """
        self._last += 1
        asked = {"folder": str(folder), "prompt": prompt, "count": count, "seed": seed}
        deadline = asyncio.get_running_loop().time() + self._patience
        try:
            await self._send({"id": self._last, **asked})
            async with aclosing(self._messages(self._last, deadline)) as messages:
                async for message in messages:
                    yield message
        except TimeoutError:
            await self.close()
            yield {"error": f"The model took longer than {self._patience:.0f} seconds."}
        except (BrokenPipeError, ConnectionResetError):
            yield {"error": _STOPPED}

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _messages(
        self, number: int, deadline: float
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """What the process says to request `number`; words to an older one are passed over."""
        ended = False
        try:
            while line := await self._line(deadline):
                message = json.loads(line)
                if message.pop("id") != number:
                    continue
                if "end" in message:
                    ended = True
                    return
                yield message
            ended = True
            await self.close()
            yield {"error": _STOPPED}
        finally:
            if not ended:
                self._write({"stop": number})

    async def _line(self, deadline: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout_at(deadline):
            return await self._process.stdout.readline()

    async def _send(self, request: Mapping[str, Any]) -> None:
        if self._process is None or self._process.returncode is not None:
            kept = {key: value for key, value in os.environ.items() if key not in _SECRETS}
            self._process = await asyncio.create_subprocess_exec(
                # -P: a folder called like a library, where the server runs, is not that library.
                *(sys.executable, "-P", "-m", "hubtools.localhub.inference_worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**kept, **_OFFLINE},
                limit=_LINE_LIMIT,
            )
        self._write(request)

    def _write(self, message: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(RuntimeError):  # its loop is gone, and with it the process's stdin
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
