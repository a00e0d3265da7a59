"""Serving a folder of models to the Hub's clients and to browsers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.localhub.access import Access
from hubtools.localhub.server import is_loopback, serving

_POLL = 0.5  # seconds; not every system interrupts a longer wait on Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What to serve, where, and to whom."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 7878
    """0 takes a free one."""
    user: str = "me"
    """Who the Hub takes its callers for."""
    orgs: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    """The token that writes and private models require; None on this machine requires none."""
    inference: bool = True
    """Let visitors prompt the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeResult:
    """Where the models were served, and whether callers could write."""

    url: str
    read_only: bool


def serve(request: ServeRequest, reporter: Reporter, cancel: CancelToken) -> ServeResult:
    """Serve the folder until `cancel` is set.

    Beyond this machine, a Hub without a token is read-only and shows only public models. Raises
    OutputError when the folder or the address cannot be used, UsageError for a user or an
    organization whose name no namespace can have.
    """
    read_only = request.token is None and not is_loopback(request.host)
    access = Access(request.user, request.orgs, request.token, read_only=read_only)
    with serving(
        request.folder,
        host=request.host,
        port=request.port,
        access=access,
        inference=request.inference,
    ) as url:
        reporter.note(f"Serving the models in {request.folder} at {url}")
        reporter.note(f"Point other tools at it: export HF_ENDPOINT={url} HF_HUB_DISABLE_XET=1")
        if read_only:
            reporter.note(
                "Other machines can reach this Hub, so it is read-only and hides private models. "
                "Set HUBTOOLS_HUB_TOKEN to let callers who send that token write."
            )
        reporter.note("Press Ctrl-C to stop.")
        with _cancelled_by_sigterm(cancel):
            while not cancel.wait(_POLL):
                pass
    reporter.note("Stopped.")
    return ServeResult(url=url, read_only=read_only)


@contextmanager
def _cancelled_by_sigterm(cancel: CancelToken) -> Iterator[None]:
    """Let service managers stop the server as Ctrl-C does: running requests may finish."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: cancel.cancel())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
