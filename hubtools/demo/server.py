"""Serving the page, for one person on this machine or for everyone who reaches it."""

from __future__ import annotations

import os
import signal
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import OutputError
from hubtools.core.events import Reporter
from hubtools.core.extras import require_extra
from hubtools.demo.options import DemoOptions

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLL = 3600.0  # seconds; the token ends the wait at once


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    project: Project
    options: DemoOptions
    host: str = "127.0.0.1"
    """Visitors from elsewhere can reach any host but a loopback one."""
    port: int = 7860
    """0 takes a free one."""
    open_browser: bool = False


def serve_demo(request: DemoRequest, reporter: Reporter, cancel: CancelToken) -> None:
    """Serve the page until `cancel` is set, or until SIGTERM or the end of its terminal.

    Raises MissingExtraError without Gradio, OutputError when the address cannot be used.
    """
    for name in ("SIGTERM", "SIGHUP"):  # what visitors left is deleted then too
        ending = getattr(signal, name, None)
        if ending is not None and signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, lambda *_: cancel.cancel())
    with demo_server(request) as address:
        reporter.note(f"The demo is running at {address}")
        reporter.note("Press Ctrl-C to stop it and to delete its visitors' files.")
        if request.open_browser:
            webbrowser.open(address)
        while not cancel.wait(_POLL):
            pass
    reporter.note("Stopped.")


@contextmanager
def demo_server(request: DemoRequest) -> Iterator[str]:
    """The page, served for the length of the block; its address. Raises as `serve_demo`."""
    require_extra("demo", "The demo", "gradio")
    require_extra("train", "The demo", "torch", "transformers")
    from hubtools.demo.sessions import DemoSessions

    options = request.options
    options = replace(options, private=options.private and request.host in _LOOPBACK)
    sessions = DemoSessions(options, request.project)
    try:
        with _gradio_environment(str(sessions.downloads)):
            from hubtools.demo import page

            blocks = page.build(options, sessions)
            address = _launch(blocks, request, page.theme(), page.style())
            try:
                yield address
            finally:
                blocks.close(verbose=False)
    finally:
        sessions.close()


@contextmanager
def _gradio_environment(downloads: str) -> Iterator[None]:
    """What Gradio reads when it is imported and when it serves: it must not call home."""
    chosen = {
        "GRADIO_TEMP_DIR": downloads,
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    before = {name: os.environ[name] for name in chosen if name in os.environ}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name in chosen:
            os.environ.pop(name)
        os.environ.update(before)


def _launch(blocks: Any, request: DemoRequest, theme: Any, css: str) -> str:
    try:
        _, address, _ = blocks.launch(
            server_name=request.host,
            server_port=request.port or None,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            run_history=False,
            footer_links=[],
            enable_monitoring=False,
            max_file_size=request.options.limits.max_upload_mb * 1_000_000,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            show_error=True,
            theme=theme,
            css=css,
        )
    except OSError as error:
        raise OutputError(
            "the port is in use or not allowed",
            where=f"{request.host}:{request.port}",
            fix="Choose another --port",
        ) from error
    return str(address).rstrip("/")
