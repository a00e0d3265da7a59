"""The process that runs models for the prompt API: `python -m hubtools.localhub.inference_worker`.

Apart from the server, it can be slow, run out of memory or be killed without harm. It ends when
its stdin does, or after ten idle minutes. It reads `Generate` and `StopGenerating` from stdin and
writes a `WorkerReply` for each event to stdout, one JSON object per line.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from queue import Empty, Queue
from typing import BinaryIO

import msgspec

from hubtools.core.errors import HubtoolsError, ModelError
from hubtools.core.extras import require_extra
from hubtools.localhub.inference_messages import (
    Generate,
    GeneratedText,
    GenerationEvent,
    GenerationFailed,
    ModelLoading,
    StopGenerating,
    WorkerReply,
    WorkerRequest,
)

_IDLE_TIMEOUT = 600.0  # seconds
_UPDATE_INTERVAL = 0.05  # seconds between two events of a text that grows

Stream = Callable[[str, int], Iterator[str]]
"""Continues a prompt with a seed; yields the prompt and then each piece of text."""


class _Worker:
    """Answers the requests in their order; keeps the last model loaded."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._requests: Queue[Generate | None] = Queue()
        self._stopped_id = -1
        self._closed = False
        self._folder = ""
        self._stream: Stream | None = None

    def listen(self) -> None:
        """Read stdin until it ends, so that a stop is seen while a request is answered."""
        for line in sys.stdin.buffer:
            message: WorkerRequest = msgspec.json.decode(line, type=Generate | StopGenerating)
            if isinstance(message, StopGenerating):
                self._stopped_id = message.id
            else:
                self._requests.put(message)
        self._closed = True
        self._requests.put(None)

    def run(self) -> None:
        """Answer requests until stdin ends or nobody reads the replies."""
        with suppress(BrokenPipeError, Empty):
            while request := self._requests.get(timeout=_IDLE_TIMEOUT):
                for event in chain(self._events(request), [None]):
                    self._output.write(msgspec.json.encode(WorkerReply(request.id, event)) + b"\n")
                    self._output.flush()

    def _events(self, request: Generate) -> Iterator[GenerationEvent]:
        """Generate what was requested; whatever goes wrong becomes an event."""
        try:
            if self._stream is None or self._folder != request.folder:
                yield ModelLoading()
                self._stream = None  # frees the model before, as there may not be room for two
                self._stream, self._folder = _load(request.folder), request.folder
            yield from self._texts(self._stream, request)
        except HubtoolsError as error:
            yield GenerationFailed(" ".join(filter(None, (f"{error.what}.", error.fix))))
        except Exception as error:  # noqa: BLE001  (foreign models make torch raise anything)
            yield GenerationFailed(f"The model failed: {type(error).__name__}.")

    def _texts(self, stream: Stream, request: Generate) -> Iterator[GeneratedText]:
        for index in range(request.count):
            updated, text = 0.0, ""
            for piece in stream(request.prompt, (request.seed + index) % 2**31):
                if self._closed or self._stopped_id == request.id:
                    return
                text += piece
                if time.monotonic() - updated >= _UPDATE_INTERVAL:
                    updated = time.monotonic()
                    yield GeneratedText(index, text)
            yield GeneratedText(index, text, done=True)


def main() -> None:
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up among the replies
    with suppress(OSError, AttributeError):  # not on Windows
        os.nice(5)
    worker = _Worker(output)
    threading.Thread(target=worker.listen, daemon=True).start()
    worker.run()


def _load(folder: str) -> Stream:
    require_extra("train", "Running a model", "torch", "transformers")
    from hubtools.training.base import load_base
    from hubtools.training.generate import stream
    from hubtools.training.sampling import Sampling

    try:
        base = load_base(folder)
    except Exception as error:  # foreign files make the libraries raise anything
        raise ModelError("The files do not load as a causal language model") from error
    return lambda prompt, seed: stream(base, prompt, seed, Sampling())


if __name__ == "__main__":
    main()
