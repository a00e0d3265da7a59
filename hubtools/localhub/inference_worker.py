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
from dataclasses import dataclass, field
from queue import Empty, Queue

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

Reply = Callable[[GenerationEvent | None], None]
Stream = Callable[[str, int], Iterator[str]]
"""Continues a prompt with a seed; yields the prompt and then each piece of text."""


@dataclass(slots=True)
class _Inbox:
    """The requests in their order, and the last one that was stopped."""

    requests: Queue[Generate | None] = field(default_factory=Queue)
    stopped_id: int = -1
    closed: bool = False

    def listen(self) -> None:
        """Read stdin until it ends, so that a stop is seen while a request is answered."""
        for line in sys.stdin.buffer:
            message: WorkerRequest = msgspec.json.decode(line, type=Generate | StopGenerating)
            if isinstance(message, StopGenerating):
                self.stopped_id = message.id
            else:
                self.requests.put(message)
        self.closed = True
        self.requests.put(None)

    def is_stopped(self, request: Generate) -> bool:
        """Whether nobody waits for the request any more."""
        return self.closed or self.stopped_id == request.id


class _ModelRunner:
    """Answers requests; keeps the last model loaded."""

    def __init__(self, inbox: _Inbox) -> None:
        self._inbox = inbox
        self._folder = ""
        self._stream: Stream | None = None

    def answer(self, request: Generate, reply: Reply) -> None:
        """Generate what was requested; whatever goes wrong becomes an event."""
        try:
            if self._stream is None or self._folder != request.folder:
                reply(ModelLoading())
                self._stream = None  # frees the model before, as there may not be room for two
                self._stream, self._folder = _load(request.folder), request.folder
            for text in self._generate(self._stream, request):
                reply(text)
        except BrokenPipeError:
            raise
        except HubtoolsError as error:
            reply(GenerationFailed(" ".join(filter(None, (f"{error.what}.", error.fix)))))
        except Exception as error:  # noqa: BLE001  (foreign models make torch raise anything)
            reply(GenerationFailed(f"The model failed: {type(error).__name__}."))

    def _generate(self, stream: Stream, request: Generate) -> Iterator[GeneratedText]:
        for index in range(request.count):
            updated, text = 0.0, ""
            for piece in stream(request.prompt, (request.seed + index) % 2**31):
                if self._inbox.is_stopped(request):
                    return
                text += piece
                if time.monotonic() - updated >= _UPDATE_INTERVAL:
                    updated = time.monotonic()
                    yield GeneratedText(index, text)
            yield GeneratedText(index, text, done=True)


def main() -> None:
    """Answer requests until stdin ends."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up among the replies
    with suppress(OSError, AttributeError):  # not on Windows
        os.nice(5)
    inbox = _Inbox()
    threading.Thread(target=inbox.listen, daemon=True).start()
    runner = _ModelRunner(inbox)
    with suppress(BrokenPipeError, Empty):
        while request := inbox.requests.get(timeout=_IDLE_TIMEOUT):
            current = request.id

            def reply(event: GenerationEvent | None, id: int = current) -> None:
                output.write(msgspec.json.encode(WorkerReply(id, event)) + b"\n")
                output.flush()

            runner.answer(request, reply)
            reply(None)


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
