"""The process that runs models for the prompt box: `python -m hubtools.localhub.inference_worker`.

Apart from the server, it can be slow, run out of memory or be killed without harm. It ends by
itself when nobody asks for a while. It reads a JSON object a line and answers with some::

    {"id": 1, "folder": …, "prompt": …, "count": 2, "seed": 5}     {"stop": 1}

    {"id": 1, "loading": true}                   where the model is not the one before
    {"id": 1, "number": 0, "text": …}            a text so far, with "done" when it is whole
    {"id": 1, "error": …}
    {"id": 1, "end": true}
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import HubtoolsError, ModelError

if TYPE_CHECKING:
    from hubtools.training.base import Base

IDLE = 600.0  # seconds without a request until the process ends
_EVERY = 0.05  # seconds between two messages of a text that grows

Say = Callable[[Mapping[str, Any]], None]


class _StoppedError(Exception):
    """Nobody listens any more."""


@dataclass(slots=True)
class _Inbox:
    """What the process was asked: requests in their order, and the last one to be stopped."""

    requests: Queue[Mapping[str, Any] | None] = field(default_factory=Queue)
    stopped: int = -1
    closed: bool = False

    def listen(self) -> None:
        """Take in lines until stdin ends; a stop must be heard while a request is answered."""
        for line in sys.stdin:
            message = json.loads(line)
            if "stop" in message:
                self.stopped = message["stop"]
            else:
                self.requests.put(message)
        self.closed = True
        self.requests.put(None)


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand among the answers
    with suppress(OSError):
        os.nice(5)
    inbox = _Inbox()
    threading.Thread(target=inbox.listen, daemon=True).start()

    def say(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message, ensure_ascii=False) + "\n")
        answers.flush()

    with suppress(BrokenPipeError):
        _answer_all(inbox, say)


def _answer_all(inbox: _Inbox, say: Say) -> None:
    folder, base = "", None
    while True:
        try:
            request = inbox.requests.get(timeout=IDLE)
        except Empty:
            return
        if request is None:
            return
        mark = {"id": request["id"]}
        try:
            if base is None or folder != request["folder"]:
                say({**mark, "loading": True})
                base = None  # not two models at once
                base, folder = _load(request["folder"]), request["folder"]
            _predict(base, request, inbox, say)
        except _StoppedError:
            pass
        except HubtoolsError as error:
            say({**mark, "error": " ".join(filter(None, (f"{error.what}.", error.fix)))})
        except Exception as error:  # noqa: BLE001  (whatever a foreign model makes torch raise)
            say({**mark, "error": f"The model cannot be run: {type(error).__name__}."})
        say({**mark, "end": True})


def _load(folder: str) -> Base:
    from hubtools.training.extra import require_training

    require_training()
    from hubtools.training.base import load_base

    try:
        return load_base(folder)
    except Exception as error:  # whatever foreign files make the libraries raise
        raise ModelError("These files cannot be loaded as a causal language model") from error


def _predict(base: Base, request: Mapping[str, Any], inbox: _Inbox, say: Say) -> None:
    from hubtools.training.generate import Sampling, stream

    mark = {"id": request["id"]}
    for number in range(request["count"]):
        said, text = 0.0, ""
        seed = (request["seed"] + number) % 2**31
        for piece in stream(base, request["prompt"], seed, Sampling()):
            text += piece
            if inbox.closed or inbox.stopped == request["id"]:
                raise _StoppedError
            if time.monotonic() - said >= _EVERY:
                said = time.monotonic()
                say({**mark, "number": number, "text": text})
        say({**mark, "number": number, "text": text, "done": True})


if __name__ == "__main__":
    main()
