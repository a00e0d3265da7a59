"""Running the page, for one person on this machine or for all who reach it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hubtools.core.config import Project
from hubtools.core.errors import MissingExtraError, OutputError
from hubtools.core.events import Reporter
from hubtools.demo import progress
from hubtools.demo.options import Settings
from hubtools.demo.sessions import Visits

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def require_gradio() -> None:
    """Raises MissingExtraError when Gradio is not installed."""
    try:
        import gradio  # noqa: F401  (only whether it is there)
    except ImportError as error:
        raise MissingExtraError("demo", "the demo") from error


@contextmanager
def serving(settings: Settings, project: Project, host: str, port: int) -> Iterator[str]:
    """The page, served for the length of the block; its address.

    Nobody but this machine reaches it on a loopback `host`. Raises MissingExtraError without
    Gradio, OutputError when the address cannot be used.
    """
    require_gradio()
    settings = replace(settings, private=settings.private and host in _LOOPBACK)
    visits = Visits(settings, project)
    try:
        with _environment(visits):
            from hubtools.demo.page import build

            page = build(settings, visits)
            _, address, _ = _launch(page, settings, host, port)
            try:
                yield str(address).rstrip("/")
            finally:
                page.close(verbose=False)
    finally:
        visits.close()


@contextmanager
def _environment(visits: Visits) -> Iterator[None]:
    """What Gradio reads when it is imported and when it serves: it must not call home."""
    chosen = {
        "GRADIO_TEMP_DIR": str(visits.downloads),
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


def serve(
    settings: Settings, project: Project, host: str, port: int, report: Reporter, *, opening: bool
) -> None:
    """Serve the page until Ctrl-C, a SIGTERM or the end of its terminal.

    It is opened in a browser when `opening`.
    """
    for ending in (signal.SIGTERM, signal.SIGHUP):  # what visitors left goes then too
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    with serving(settings, project, host, port) as address:
        report.note(f"The demo is at {address}")
        report.note("Ctrl-C stops it, and deletes what its visitors left.")
        if opening:
            import webbrowser

            webbrowser.open(address)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            report.note("Stopped.")


def _launch(page: object, settings: Settings, host: str, port: int) -> tuple[object, ...]:
    from hubtools.demo.page import theme

    launched: tuple[object, ...]
    try:
        launched = page.launch(  # type: ignore[attr-defined]  # gradio's types are not followed
            server_name=host,
            server_port=port or None,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            run_history=False,
            footer_links=[],
            enable_monitoring=False,
            max_file_size=settings.limits.megabytes * 1_000_000,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            show_error=True,
            theme=theme(),
            css=progress.style(),
        )
    except OSError as error:
        raise OutputError(
            "the port is taken or cannot be used",
            where=f"{host}:{port}",
            fix="Choose another with --port",
        ) from error
    return launched
