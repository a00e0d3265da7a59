"""Signals as a terminal sends them, to processes that a test starts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def default_signals() -> Iterator[None]:
    """Processes started in the block heed Ctrl-C and hang-ups, also where `nohup` runs the tests.

    A program ignores a signal that its parent ignored when it was started.
    """
    ignored = [s for s in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(s) == signal.SIG_IGN]
    for sign in ignored:
        signal.signal(sign, signal.SIG_DFL)
    try:
        yield
    finally:
        for sign in ignored:
            signal.signal(sign, signal.SIG_IGN)
