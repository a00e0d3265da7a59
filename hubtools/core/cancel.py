"""Cancel work in progress: a token that the caller sets and the work checks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class CancelledError(BaseException):
    """The work stopped because its token was set.

    Like KeyboardInterrupt, it is not an Exception, so that handlers of failures let it pass.
    """


class CancelToken:
    """Asks work to stop after the step in progress; safe to share between threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._children: list[CancelToken] = []

    def child(self) -> CancelToken:
        """A token that is set along with this one, and may be set alone."""
        token = CancelToken()
        self._children.append(token)
        if self.cancelled:
            token.cancel()
        return token

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._event.set()
        for token in self._children:
            token.cancel()

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the token is set; whether it is."""
        return self._event.wait(seconds)

    def raise_if_cancelled(self) -> None:
        """Raises CancelledError once the token is set."""
        if self.cancelled:
            raise CancelledError


@contextmanager
def cancel_on_interrupt() -> Iterator[CancelToken]:
    """A token that the first Ctrl-C sets; the second one ends the process at once.

    Files are written in one step, so ending at once loses nothing that a rerun would not find.
    Works as well where the parent process ignored SIGINT (nohup). Outside the main thread, the
    only one that can handle signals, nothing sets the token.
    """
    token = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return

    def first(_signal: int, _frame: object) -> None:
        token.cancel()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)
