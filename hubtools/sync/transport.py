"""One way to a Hub, for our own requests and for the client's: paced, counted and retried.

`hub_transport` makes every client that huggingface_hub creates send through a Transport. It hooks
into `Client.send` and not into httpx's transports: those return before the body has been read, so
a connection that breaks inside a body could not be retried there; and a client with transports of
its own would ignore the proxies and certificates of the previous factory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import set_client_factory
from huggingface_hub.utils import _http, httpx, parse_ratelimit_headers

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import HubUnavailableError
from hubtools.sync.http_errors import (
    NETWORK_ERRORS,
    RERUN,
    redacted,
    unreachable,
)
from hubtools.sync.pacing import Budget, Pacer
from hubtools.sync.retry import RETRIED_STATUSES, RetryPolicy

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before anything was sent, after which every request may be repeated."""
_KNOCKS = 4  # attempts at an address that never responded
_TOO_MANY = 429
_UNKNOWN_WINDOW = 4  # times longer after a 429 without a time: windows last minutes
_MAX_RETRY_AFTER = 3600.0


class Transport:
    """Sends the requests to one Hub; requests to other hosts pass through untouched."""

    def __init__(
        self, endpoint: str, cancel: CancelToken, policy: RetryPolicy, pacer: Pacer
    ) -> None:
        self.cancel, self.policy, self.pacer = cancel, policy, pacer
        self.sent: list[str] = []
        """The method of every request so far, redirects included."""
        self._netloc = urlsplit(endpoint).netloc.encode()
        self._responded = False

    def send(
        self, send: Callable[..., httpx.Response], request: httpx.Request, **options: Any
    ) -> httpx.Response:
        """The response to a request, repeated as far as that is safe.

        Raises HubUnavailableError after the last attempt, and sooner where nothing ever responded:
        the address may be wrong. A request that may not be repeated, a commit or an open file,
        raises the client's own errors. Raises CancelledError instead of starting a request.
        """
        if request.url.netloc != self._netloc:
            return send(request, **options)
        budget: Budget = "resolvers" if "/resolve/" in request.url.path else "api"
        repeatable = _is_repeatable(request)
        for attempt in range(self.policy.attempts):
            response = None
            try:
                response = self._send_once(send, request, budget, options)
            except NETWORK_ERRORS as error:
                if not (repeatable or isinstance(error, _UNSENT)):
                    raise
                if self._is_last(attempt):
                    raise unreachable(error) from error
            if response is not None:
                if not repeatable or response.status_code not in RETRIED_STATUSES:
                    return response
                response.close()
                if self._is_last(attempt):
                    raise _unavailable(response)
            self.pause(attempt, budget, response)
        raise AssertionError("the last attempt returns or raises")

    def pause(self, attempt: int, budget: Budget, response: httpx.Response | None) -> None:
        """Wait before attempt number `attempt` + 1. Raises CancelledError."""
        self.pacer.expect(budget, 1)
        seconds = self.policy.wait(attempt)
        if response is not None and response.status_code == _TOO_MANY:
            seconds = _retry_after(response, seconds)
            self.pacer.close(budget, seconds)
        if self.cancel.wait(seconds):
            raise CancelledError

    def count(self, request: httpx.Request) -> None:
        """Count a request to the Hub; a hook of the client's."""
        if request.url.netloc == self._netloc:
            self.sent.append(request.method)

    def _send_once(
        self,
        send: Callable[..., httpx.Response],
        request: httpx.Request,
        budget: Budget,
        options: dict[str, Any],
    ) -> httpx.Response:
        delay, headers = self.pacer.begin(budget), None
        try:
            if self.cancel.wait(delay) if delay > 0 else self.cancel.cancelled:
                raise CancelledError
            response = send(request, **options)
            headers = response.headers
            self._responded = True
            return response
        finally:
            self.pacer.end(budget, headers)

    def _is_last(self, attempt: int) -> bool:
        knocks = self.policy.attempts if self._responded else min(_KNOCKS, self.policy.attempts)
        return attempt + 1 >= knocks


@contextmanager
def hub_transport(
    endpoint: str,
    cancel: CancelToken,
    policy: RetryPolicy | None = None,
    pacer: Pacer | None = None,
) -> Iterator[Transport]:
    """A transport to the Hub at `endpoint` that huggingface_hub uses meanwhile, in all threads."""
    transport = Transport(endpoint, cancel, policy or RetryPolicy(), pacer or Pacer())
    previous = _http._GLOBAL_CLIENT_FACTORY  # which has no public getter

    def client() -> httpx.Client:
        made = previous()
        send = made.send
        made.send = partial(transport.send, send)  # type: ignore[method-assign]
        made.timeout = transport.policy.timeout  # none by default: an upload would wait forever
        hooks = made.event_hooks
        made.event_hooks = {**hooks, "request": [*hooks.get("request", []), transport.count]}
        return made

    set_client_factory(client)
    try:
        yield transport
    finally:
        set_client_factory(previous)


def _is_repeatable(request: httpx.Request) -> bool:
    """Whether sending a request twice does no harm, and is possible.

    A commit is looked up before it is sent again; an open file is rewound by who opened it.
    """
    is_commit = request.method == "POST" and "/commit/" in request.url.path
    return not is_commit and isinstance(request.stream, httpx.ByteStream)


def _unavailable(response: httpx.Response) -> HubUnavailableError:
    message = response.headers.get("X-Error-Message") or f"HTTP {response.status_code}"
    what = f"the Hub is unavailable: {redacted(message, response)}"
    return HubUnavailableError(what, fix=RERUN)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    """Seconds until the Hub accepts requests again by its own account, at most an hour."""
    after = response.headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return min(float(after), _MAX_RETRY_AFTER)
    limit = parse_ratelimit_headers(response.headers)
    return limit.reset_in_seconds + otherwise if limit else _UNKNOWN_WINDOW * otherwise
