"""Faults on request: what a Hub, and the network in between, may do to a client."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from random import Random
from typing import Literal, TypeAlias, cast

from anyio import CapacityLimiter, to_thread
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

    async def act(
        self, hub: ASGIApp, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await _read_body(receive)
        response = Response(self.body, self.status, dict(self.headers))
        await response(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the TCP connection.

    `before` the Hub sees the request; `during` the response, when half of its body is sent (a
    response without a body is not sent at all); or `after` the Hub handled the request and before
    it responds.
    """

    when: Literal["before", "during", "after"]

    async def act(
        self, hub: ASGIApp, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self.when == "during":
            await hub(scope, receive, _half_sent(exchange, send))
            return
        if self.when == "after":
            await hub(scope, receive, _discard)
        await exchange.cut()


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing for some seconds, before or after the Hub handles the request.

    The Hub handles it even when the client has given up meanwhile.
    """

    seconds: float
    when: Literal["before", "after"] = "before"

    async def act(
        self, hub: ASGIApp, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self.when == "after":
            await hub(scope, receive, _delayed(exchange, self.seconds, send))
            return
        body = await _read_body(receive)
        await exchange.stall(self.seconds)
        await hub(scope, _replayed(body, receive), send)


@dataclass(frozen=True, slots=True)
class Call:
    """Call `callback` with the request's path, just before the Hub sees the request.

    It runs in a thread of its own, so it may use the store, and even send requests to the server.
    """

    callback: Callable[[str], object]

    async def act(
        self, hub: ASGIApp, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await run_in_threadpool(self.callback, exchange.path)
        await hub(scope, receive, send)


Action: TypeAlias = Respond | Cut | Stall | Call

EXPIRED_TOKEN = Respond(
    401,
    {"X-Error-Message": 'User Access Token "sync" is expired', "WWW-Authenticate": "Bearer"},
)


@dataclass(frozen=True, slots=True)
class Mix:
    """One of the actions, chosen at random for each request."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to which requests.

    `method` and `path` are shell patterns for the method and the path as it was sent, without its
    query; `*` matches slashes too. Of the matching requests, counted from 1, those in `nth` are
    hit, or all; and of these a random `share`.
    """

    do: Action | Mix
    method: str = "*"
    path: str = "*"
    nth: Container[int] | None = None
    share: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


class Faults:
    """A plan of faults for one server, and a log of the requests that it received.

    All faults that match a request happen to it, the first one outermost. Whether a `share` hits
    depends on the seed, the request, and how often it was repeated, not on what else runs.
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._log: list[LoggedRequest] = []
        self._over = threading.Event()
        self.use(*faults)

    def use(self, *faults: Fault) -> None:
        """Replace the plan; counting starts at 1 again."""
        with self._lock:
            self._faults = faults
            self._matched: Counter[int] = Counter()
            self._repeated: Counter[tuple[str, str]] = Counter()

    @property
    def log(self) -> tuple[LoggedRequest, ...]:
        """All requests that were responded to or cut off so far, in that order."""
        return tuple(self._log)

    def count(self, method: str = "*", path: str = "*") -> int:
        return sum(
            fnmatchcase(logged.method, method) and fnmatchcase(logged.path, path)
            for logged in self.log
        )

    def clear(self) -> None:
        self._log.clear()

    def end_stalls(self) -> None:
        """Let stalled requests continue at once, and stall none any more."""
        self._over.set()

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app with these faults, for a server that uses `CuttableProtocol`."""
        self._over.clear()

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            exchange = Exchange(scope, receive, self._log.append, self._stall)
            try:
                await exchange.perform(self._due(exchange.method, exchange.path), app, send)
            except Exception:
                exchange.record(500)
                raise

        return faulty

    def _due(self, method: str, path: str) -> list[Action]:
        due: list[Action] = []
        with self._lock:
            self._repeated[method, path] += 1
            repeated = self._repeated[method, path]
            for i, fault in enumerate(self._faults):
                if not fault.matches(method, path):
                    continue
                self._matched[i] += 1
                if fault.nth is not None and self._matched[i] not in fault.nth:
                    continue
                random = Random(f"{self._seed} {i} {method} {path} {repeated}")
                if random.random() < fault.share:
                    do = fault.do
                    due.append(random.choice(do.actions) if isinstance(do, Mix) else do)
        return due

    async def _stall(self, seconds: float) -> None:
        await to_thread.run_sync(self._over.wait, seconds, limiter=CapacityLimiter(math.inf))


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

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.record(message["status"])
            await send(message)

        app: ASGIApp = partial(self._note, hub)
        for action in reversed(actions):
            app = partial(action.act, app, self)
        await app(self.scope, self._receive, record_and_send)

    def record(self, status: int | None) -> None:
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

    async def _note(self, hub: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._handled = message["status"]
            await send(message)

        await hub(scope, receive, note)


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


async def _discard(message: Message) -> None: ...


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
