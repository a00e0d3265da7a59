"""Running the local Hub: in a thread beside other work, or as a command of its own."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from hubtools.core.errors import HubUnavailableError, OutputError
from hubtools.core.events import Reporter
from hubtools.localhub.access import OPEN, Access
from hubtools.localhub.api import create_app
from hubtools.localhub.faults import CuttableProtocol, Faults
from hubtools.localhub.http import LOOPBACK
from hubtools.localhub.limits import Limits, RateLimiter
from hubtools.localhub.store import Store

_STOP_WITHIN = 3  # seconds that running requests get at the end
# Seconds that an idle connection stays open: longer than clients keep one (httpx: 5), so that
# they never send a request into a connection that is just being closed.
_KEEP_ALIVE = 75


@contextmanager
def serving(
    root: Path,
    *,
    access: Access = OPEN,
    limits: Limits | None = None,
    faults: Faults | None = None,
) -> Iterator[str]:
    """Serve the folder on a free port of this machine for the length of the block.

    Yields the endpoint's URL. Raises OutputError when the folder cannot be used. `limits` are
    off and there are no `faults` unless they are given; a fault happens before a request counts.
    """
    with closing(Store(root)) as store, _listen("127.0.0.1", 0) as listener:
        app: ASGIApp = create_app(store, access=access)
        app = app if limits is None else RateLimiter(app, limits)
        server = _server(app) if faults is None else _server(faults.around(app), CuttableProtocol)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="hubtools-local-hub", daemon=True
        )
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise HubUnavailableError("the local Hub did not start", where=root)
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            if faults is not None:
                faults.end_stalls()
            thread.join()


def serve(
    root: Path, host: str, port: int, access: Access, reporter: Reporter, *, prompting: bool = True
) -> None:
    """Serve the folder until Ctrl-C.

    Beyond this machine a Hub without a token is read-only and shows only what is public. Raises
    OutputError when the folder cannot be used or the address is taken.
    """
    is_loopback = _is_loopback(host)
    if not is_loopback and access.token is None:
        access = replace(access, read_only=True)
    with closing(Store(root)) as store, _listen(host, port) as listener:
        address = _address(host, listener.getsockname()[1])
        reporter.note(f"The models in {root} are at {address}")
        reporter.note(f"For other tools: export HF_ENDPOINT={address} HF_HUB_DISABLE_XET=1")
        if access.read_only:
            reporter.note(
                "Others can reach this Hub, so it is read-only and hides private models. "
                "With HUBTOOLS_HUB_TOKEN set, who sends that token may write."
            )
        reporter.note("Ctrl-C stops it.")
        hosts = LOOPBACK | {host} if is_loopback else None
        app = create_app(store, access=access, hosts=hosts, prompting=prompting)
        try:
            _server(app).run([listener])
        except KeyboardInterrupt:
            reporter.note("Stopped.")


def _server(
    app: ASGIApp, http: type[CuttableProtocol] | Literal["auto"] = "auto"
) -> uvicorn.Server:
    logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=http,
            lifespan="auto",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_STOP_WITHIN,
        )
    )


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Whether the server's log tells of more than requests that its end cut off."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and "graceful shutdown" not in str(
        record.msg
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OutputError when the address cannot be used."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio sets TCP_NODELAY only on sockets whose protocol is named.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise OutputError(
            "the port is taken" if taken else f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            fix="Choose another with --port" if taken else "Choose another with --host or --port",
        ) from error
    return listener


def _address(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
