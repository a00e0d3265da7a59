"""Faults on request: what a Hub, and the network in between, may do to a client.

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
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from starlette.types import ASGIApp, Receive, Scope, Send

from hubtools.localhub.fault_actions import (
    EXPIRED_TOKEN,
    Action,
    Call,
    Cut,
    Exchange,
    LoggedRequest,
    Respond,
    Stall,
)

__all__ = [
    "EXPIRED_TOKEN", "Call", "Cut", "Fault", "Faults", "LoggedRequest", "Mix", "Respond", "Stall",
]  # fmt: skip


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
        self._stalled: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._may_stall = True
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
        with self._lock:
            return tuple(self._log)

    def count(self, method: str = "*", path: str = "*") -> int:
        """How many requests of the log match the patterns."""
        return sum(
            fnmatchcase(logged.method, method) and fnmatchcase(logged.path, path)
            for logged in self.log
        )

    def clear(self) -> None:
        """Empty the log."""
        with self._lock:
            self._log.clear()

    def end_stalls(self) -> None:
        """Let stalled requests continue at once, and stall none any more."""
        with self._lock:
            self._may_stall = False
            for loop, event in self._stalled:
                loop.call_soon_threadsafe(event.set)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app with these faults, for a server that uses `CuttableProtocol`."""
        self._may_stall = True

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            exchange = Exchange(scope, receive, self._append, self._stall)
            try:
                await exchange.perform(self._due(exchange.method, exchange.path), app, send)
            except Exception:
                exchange.record(500)
                raise

        return faulty

    def _due(self, method: str, path: str) -> list[Action]:
        """What happens to the next request of this kind."""
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

    def _append(self, logged: LoggedRequest) -> None:
        with self._lock:
            self._log.append(logged)

    async def _stall(self, seconds: float) -> None:
        stalled = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if not self._may_stall:
                return
            self._stalled.add(stalled)
        try:
            await asyncio.wait_for(stalled[1].wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._stalled.discard(stalled)
