"""Running the local Hub in a thread, on uvicorn."""

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
from pathlib import Path
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from hubtools.core.errors import HubUnavailableError, OutputError
from hubtools.localhub.access import OPEN, Access
from hubtools.localhub.api import create_app
from hubtools.localhub.fault_actions import CuttableProtocol
from hubtools.localhub.faults import Faults
from hubtools.localhub.http import LOOPBACK
from hubtools.localhub.limits import RateLimiter, RateLimits
from hubtools.localhub.store import Store

_SHUTDOWN_TIMEOUT = 3  # seconds that running requests get to finish
# Seconds that an idle connection stays open: longer than clients keep one (httpx: 5), so that
# they never send a request into a connection that is just being closed.
_KEEP_ALIVE = 75


@contextmanager
def serving(
    root: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    access: Access = OPEN,
    inference: bool = True,
    limits: RateLimits | None = None,
    faults: Faults | None = None,
) -> Iterator[str]:
    """Serve the folder from a thread for the length of the block; port 0 takes a free one.

    Yields the server's URL. Requests are rate-limited only with `limits`, and fail on purpose only
    with `faults`; a fault happens before a request counts. Raises OutputError when the folder or
    the address cannot be used.
    """
    with closing(Store(root)) as store, _listen(host, port) as listener:
        hosts = LOOPBACK | {host} if is_loopback(host) else None
        app: ASGIApp = create_app(store, access=access, hosts=hosts, inference=inference)
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
            yield _url(host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            if faults is not None:
                faults.end_stalls()
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _server(
    app: ASGIApp, http: type[CuttableProtocol] | Literal["auto"] = "auto"
) -> uvicorn.Server:
    logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=http,
            lifespan="auto",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
        )
    )


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn is about more than requests that the shutdown cut off."""
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
            "the port is in use" if taken else f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            fix="Choose another with --port" if taken else "Choose another --host or --port",
        ) from error
    return listener


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
