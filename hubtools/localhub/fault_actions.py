"""What faults do to a request: a table of actions, each an ASGI app around the Hub's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_ABORT = "hubtools.abort"


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request and its outcome."""

    method: str
    path: str
    """As it was sent, without the query."""
    query: str
    at: float
    """time.monotonic() when it arrived, in seconds."""
    status: int | None
    """Of the response that was sent; None when it was cut off."""
    handled: int | None
    """The status that the Hub itself gave; None when it never saw the request."""


@dataclass(frozen=True, slots=True)
class Respond:
    """Respond with this status; the Hub does not see the request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    async def act(self, hub: ASGIApp, exchange: Exchange, receive: Receive, send: Send) -> None:
        await _read_body(receive)
        response = Response(self.body, self.status, dict(self.headers))
        await response(exchange.scope, receive, send)


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the TCP connection.

    `before` the Hub sees the request; `during` the response, when half of its body is sent (a
    response without a body is not sent at all); or `after` the Hub handled the request and before
    it responds.
    """

    when: Literal["before", "during", "after"]

    async def act(self, hub: ASGIApp, exchange: Exchange, receive: Receive, send: Send) -> None:
        if self.when == "during":
            await hub(exchange.scope, receive, _half_sent(exchange, send))
            return
        if self.when == "after":
            await hub(exchange.scope, receive, _discard)
        await exchange.cut()


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing for some seconds, before or after the Hub handles the request.

    The Hub handles it even when the client has given up meanwhile.
    """

    seconds: float
    when: Literal["before", "after"] = "before"

    async def act(self, hub: ASGIApp, exchange: Exchange, receive: Receive, send: Send) -> None:
        if self.when == "after":
            await hub(exchange.scope, receive, _delayed(exchange, self.seconds, send))
            return
        body = await _read_body(receive)
        await exchange.stall(self.seconds)
        await hub(exchange.scope, _replayed(body, receive), send)


@dataclass(frozen=True, slots=True)
class Call:
    """Call `callback` with the request's path, just before the Hub sees the request.

    It runs in a thread of its own, so it may use the store, and even send requests to the server.
    """

    callback: Callable[[str], object]

    async def act(self, hub: ASGIApp, exchange: Exchange, receive: Receive, send: Send) -> None:
        await run_in_threadpool(self.callback, exchange.path)
        await hub(exchange.scope, receive, send)


Action: TypeAlias = Respond | Cut | Stall | Call

EXPIRED_TOKEN = Respond(
    401,
    {"X-Error-Message": 'User Access Token "sync" is expired', "WWW-Authenticate": "Bearer"},
)


class Exchange:
    """One request and the response to it, as far as it got; it is logged once."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        log: Callable[[LoggedRequest], None],
        stall: Callable[[float], Awaitable[None]],
    ) -> None:
        self.scope, self.stall = scope, stall
        self.method: str = scope["method"]
        self.path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        self._receive, self._log = receive, log
        self._at = time.monotonic()
        self._handled: int | None = None
        self._recorded = False

    async def perform(self, actions: list[Action], hub: ASGIApp, send: Send) -> None:
        """Pass the request through the actions to the Hub; the first one is outermost."""
        app = self._noting(hub)
        for action in reversed(actions):
            app = self._around(action, app)
        await app(self.scope, self._receive, self._recording(send))

    def record(self, status: int | None) -> None:
        """Log the request, if it was not logged before."""
        if self._recorded:
            return
        self._recorded = True
        query = self.scope["query_string"].decode("latin-1")
        self._log(LoggedRequest(self.method, self.path, query, self._at, status, self._handled))

    async def cut(self) -> None:
        """Close the connection and wait until it is closed."""
        self.record(None)
        self.scope[_ABORT]()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _around(self, action: Action, app: ASGIApp) -> ASGIApp:
        async def acted(scope: Scope, receive: Receive, send: Send) -> None:
            await action.act(app, self, receive, send)

        return acted

    def _noting(self, hub: ASGIApp) -> ASGIApp:
        """The Hub's app, whose status is noted."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._handled = message["status"]
                await send(message)

            await hub(scope, receive, note)

        return noted

    def _recording(self, send: Send) -> Send:
        """`send` to the client; a response is logged before it leaves."""

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.record(message["status"])
            await send(message)

        return recorded


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also lets the app close the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            await app(cast("Scope", {**scope, _ABORT: transport.abort}), receive, send)

        self.app = with_abort


def _half_sent(exchange: Exchange, send: Send) -> Send:
    left = 0

    async def send_half(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            length = int(Headers(raw=message["headers"]).get("content-length", "0"))
            left = 0 if exchange.method == "HEAD" else length // 2
            exchange.record(None)
            await (send(message) if left else exchange.cut())
        elif left:
            part = message.get("body", b"")[:left]
            left -= len(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if not left:
                await exchange.cut()

    return send_half


def _delayed(exchange: Exchange, seconds: float, send: Send) -> Send:
    async def send_later(message: Message) -> None:
        if message["type"] == "http.response.start":
            await exchange.stall(seconds)
        await send(message)

    return send_later


async def _discard(message: Message) -> None:
    pass


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive`, with a body that was read already before it."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again
