"""GET requests to public servers only, with every response bounded in size and time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from huggingface_hub.utils import httpx

from hubtools.core.errors import SourceError
from hubtools.posts.live.guard import AddressGuard, origin_of


class NoResponseError(Exception):
    """The server did not send a whole response."""


@dataclass(frozen=True)
class HttpResponse:
    """A response that is not a redirect."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes
    url: str

    @cached_property
    def document(self) -> Any:
        """The body's JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How much of a server's time and ours one response may take."""

    timeout: float = 30.0
    """Seconds without a byte."""
    response_timeout: float = 120.0
    """Seconds for the whole response."""
    size: int = 16 << 20
    """Bytes, after decompression."""
    redirects: int = 5


class PublicHttp(AbstractContextManager["PublicHttp"]):
    """An HTTP client that checks every address, redirects included, before connecting."""

    def __init__(self, guard: AddressGuard, limits: HttpLimits, *, purpose: str, accept: str):
        self._guard, self._limits = guard, limits
        agent = f"hubtools/{version('hf-hubtools')} ({purpose})"
        self._client = httpx.Client(
            follow_redirects=False,
            timeout=limits.timeout,
            headers={"User-Agent": agent, "Accept": accept},
        )

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str) -> HttpResponse:
        """The response at `url`, after redirects.

        Raises NoResponseError for a broken connection, SourceError for an address that must not be
        asked, a response that is too large and too many redirects.
        """
        try:
            for _ in range(self._limits.redirects + 1):
                self._guard.check(url)
                with self._client.stream("GET", url) as response:
                    self._check_peer(url, response)
                    if response.next_request is None:
                        return self._read(response)
                    url = str(response.next_request.url)
        except (httpx.RequestError, httpx.InvalidURL, TimeoutError) as error:
            raise NoResponseError(type(error).__name__) from error
        raise SourceError("redirects too often", where=origin_of(url), fix="Check the address")

    def _read(self, response: httpx.Response) -> HttpResponse:
        url = str(response.url)
        deadline = time.monotonic() + self._limits.response_timeout
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self._limits.size:
                raise SourceError(
                    f"sent more than {self._limits.size >> 20} MiB",
                    where=origin_of(url),
                    fix="Check the address",
                )
            if time.monotonic() > deadline:
                raise TimeoutError
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status_code, headers, bytes(body), url)

    def _check_peer(self, url: str, response: httpx.Response) -> None:
        """Check where the connection really went: a name may resolve differently each time."""
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if peer and self._guard.sees_peer(url):
            self._guard.check_peer(origin_of(url), str(peer[0]))
