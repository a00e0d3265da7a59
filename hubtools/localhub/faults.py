"""Faults on request: what a Hub, and the way to it, may do to a client.

::

    faults = Faults(
        Fault(Mix((Respond(500), Respond(503), Cut("before"), Cut("after"))), share=0.15),
        Fault(Call(rival), "POST", "/api/models/me/poet/commit/*", nth=(1,)),
    )
    with serving(folder, faults=faults) as url:
        ...
    assert faults.count("POST", "/api/models/me/poet/commit/*") == 2
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, TypeAlias, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_ABORT = "hubtools.abort"


@dataclass(frozen=True, slots=True)
class Respond:
    """Respond with this status; the Hub does not see the request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the TCP connection.

    `before` the Hub sees the request, `during` the answer when half of its body is sent (an
    answer without a body is not sent at all), or `after` the Hub did what it was asked and
    before it says so.
    """

    when: Literal["before", "during", "after"]


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing for some seconds, before or after the Hub does what it was asked.

    The request is carried out even when the client has given up meanwhile.
    """

    seconds: float
    when: Literal["before", "after"] = "before"


@dataclass(frozen=True, slots=True)
class Call:
    """Call `callback` with the request's path, just before the Hub sees the request.

    It runs in a thread of its own, so it may use the store, and even ask the server.
    """

    callback: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Mix:
    """One of the actions, drawn anew for each request."""

    actions: tuple[Respond | Cut | Stall | Call, ...]


Action: TypeAlias = Respond | Cut | Stall | Call

EXPIRED_TOKEN = Respond(
    401,
    {"X-Error-Message": 'User Access Token "sync" is expired', "WWW-Authenticate": "Bearer"},
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to which requests.

    `method` and `path` are shell patterns for the method and for the path as it was sent,
    without its query; `*` matches slashes too. Of the requests that match, those with a number
    in `nth` are meant, counted from 1, or all; and of these a random `share`.
    """

    do: Action | Mix
    method: str = "*"
    path: str = "*"
    nth: Container[int] | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request, and what became of it."""

    method: str
    path: str
    """As it was sent, without the query."""
    query: str
    at: float
    """time.monotonic() when it came, in seconds."""
    status: int | None
    """Of the answer as it was sent; None when it was cut off."""
    handled: int | None
    """The status that the Hub itself gave; None when it never saw the request."""


class Faults:
    """A plan of faults for one server, and a log of what that was asked.

    All faults that fit a request happen to it, the first one outermost. Whether a `share` hits
    depends on the seed, the request, and how often it was made, and not on what else runs.
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._log: list[LoggedRequest] = []
        self._stalled: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._stalls = True
        self.use(*faults)

    def use(self, *faults: Fault) -> None:
        """Follow another plan from now on; counting starts at 1 again."""
        with self._lock:
            self._faults = faults
            self._matched: Counter[int] = Counter()
            self._repeated: Counter[tuple[str, str]] = Counter()

    @property
    def log(self) -> tuple[LoggedRequest, ...]:
        """All requests that were answered or cut off so far, in that order."""
        with self._lock:
            return tuple(self._log)

    def count(self, method: str = "*", path: str = "*") -> int:
        """How many requests of the log fit the patterns."""
        return sum(_fits(asked.method, asked.path, method, path) for asked in self.log)

    def clear(self) -> None:
        """Forget the log."""
        with self._lock:
            self._log.clear()

    def end_stalls(self) -> None:
        """Let what is stalled go on at once, and stall nothing any more."""
        with self._lock:
            self._stalls = False
            for loop, event in self._stalled:
                loop.call_soon_threadsafe(event.set)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app with these faults, for a server that speaks `CuttableProtocol`."""
        self._stalls = True

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            exchange = _Exchange(self, scope, receive)
            chain = exchange.around_hub(app)
            for action in reversed(self._due(exchange.method, exchange.path)):
                chain = _with(action, chain, exchange)
            try:
                await chain(scope, receive, exchange.around_client(send))
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
                if not _fits(method, path, fault.method, fault.path):
                    continue
                self._matched[i] += 1
                if fault.nth is not None and self._matched[i] not in fault.nth:
                    continue
                random = Random(f"{self._seed} {i} {method} {path} {repeated}")
                if random.random() < fault.share:
                    do = fault.do
                    due.append(random.choice(do.actions) if isinstance(do, Mix) else do)
        return due

    def _record(self, asked: LoggedRequest) -> None:
        with self._lock:
            self._log.append(asked)

    async def _stall(self, seconds: float) -> None:
        stalled = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if not self._stalls:
                return
            self._stalled.add(stalled)
        try:
            await asyncio.wait_for(stalled[1].wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._stalled.discard(stalled)


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also tells the app how to close its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            await app(cast("Scope", {**scope, _ABORT: transport.abort}), receive, send)

        self.app = with_abort


class _Exchange:
    """One request, and what it was answered so far."""

    def __init__(self, faults: Faults, scope: Scope, receive: Receive) -> None:
        self.faults = faults
        self.method: str = scope["method"]
        self.path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        self._scope, self._receive = scope, receive
        self._at = time.monotonic()
        self._handled: int | None = None
        self._recorded = False

    def around_hub(self, app: ASGIApp) -> ASGIApp:
        """The app, whose status is noted."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._handled = message["status"]
                await send(message)

            await app(scope, receive, note)

        return noted

    def around_client(self, send: Send) -> Send:
        """The way to the client; what goes there is in the log before it leaves."""

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.record(message["status"])
            await send(message)

        return recorded

    def record(self, status: int | None) -> None:
        """Put the request into the log, once."""
        if self._recorded:
            return
        self._recorded = True
        query = self._scope["query_string"].decode("latin-1")
        asked = LoggedRequest(self.method, self.path, query, self._at, status, self._handled)
        self.faults._record(asked)

    async def cut(self) -> None:
        """Close the connection, and wait until it is."""
        self.record(None)
        self._scope[_ABORT]()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _with(action: Action, app: ASGIApp, exchange: _Exchange) -> ASGIApp:
    """The app, with an action around it."""

    async def acted(scope: Scope, receive: Receive, send: Send) -> None:
        match action:
            case Respond():
                await _whole_body(receive)
                response = Response(action.body, action.status, dict(action.headers))
                await response(scope, receive, send)
            case Cut(when="before"):
                await exchange.cut()
            case Cut(when="during"):
                await app(scope, receive, _half(exchange, send))
            case Cut():
                await app(scope, receive, _nothing)
                await exchange.cut()
            case Stall(when="before"):
                body = await _whole_body(receive)
                await exchange.faults._stall(action.seconds)
                await app(scope, _again(body, receive), send)
            case Stall():
                await app(scope, receive, _later(exchange, action.seconds, send))
            case Call():
                await run_in_threadpool(action.callback, exchange.path)
                await app(scope, receive, send)

    return acted


def _half(exchange: _Exchange, send: Send) -> Send:
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


def _later(exchange: _Exchange, seconds: float, send: Send) -> Send:
    async def send_later(message: Message) -> None:
        if message["type"] == "http.response.start":
            await exchange.faults._stall(seconds)
        await send(message)

    return send_later


async def _nothing(message: Message) -> None:
    pass


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Receive a body that was read already."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again


def _fits(method: str, path: str, methods: str, paths: str) -> bool:
    return fnmatchcase(method, methods) and fnmatchcase(path, paths)
