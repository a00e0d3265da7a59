"""Rate limits as huggingface.co accounts for them (https://huggingface.co/docs/hub/rate-limits).

Every user has a number of requests in each fixed window of five minutes, counted separately for
the API, for downloads ("resolvers") and for pages. Every response says how many are left::

    RateLimit: "api";r=489;t=55
    RateLimit-Policy: "fixed window";"api";q=500;w=300

and one without any left is a 429.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubtools.localhub.http import JsonResponse

Bucket = Literal["api", "resolvers", "pages"]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many requests of each kind a user has in each window of `window` seconds.

    The defaults are those of a free account. `clock` returns seconds since any fixed moment;
    windows start at multiples of `window`.
    """

    api: int = 1000
    resolvers: int = 5000
    pages: int = 200
    window: int = 300
    clock: Callable[[], float] = time.time

    def quota(self, bucket: Bucket) -> int:
        """The requests of a kind in one window."""
        quota: int = getattr(self, bucket)
        return quota


def bucket_of(path: str) -> Bucket | None:
    """The budget that a request for this path counts towards; None if it has no limit.

    On huggingface.co, uploads go to a separate storage, so they are not counted.
    """
    if path.startswith("/-/"):
        return None
    if path.startswith("/api/") or ".git/info/lfs/" in path:
        return "api"
    return "resolvers" if "/resolve/" in path else "pages"


def limit_headers(bucket: Bucket, left: int, reset: int, quota: int, window: int) -> dict[str, str]:
    """The headers that say how many requests are left; `reset` and `window` in seconds."""
    return {
        "RateLimit": f'"{bucket}";r={left};t={reset}',
        "RateLimit-Policy": f'"fixed window";"{bucket}";q={quota};w={window}',
    }


class RateLimiter:
    """An app that responds 429 instead of `app` to users who have no requests left."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app, self._limits = app, limits
        self._window = 0
        self._used: Counter[tuple[str, Bucket]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bucket = bucket_of(scope["path"]) if scope["type"] == "http" else None
        if bucket is None:
            await self._app(scope, receive, send)
            return
        used, reset = self._count(_user(scope), bucket)
        quota, window = self._limits.quota(bucket), self._limits.window
        headers = limit_headers(bucket, max(0, quota - used), reset, quota, window)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        if used > quota:
            text = f"Rate limit reached: {quota} {bucket} requests per {window} seconds."
            await JsonResponse({"error": text}, 429)(scope, receive, send_with_limits)
        else:
            await self._app(scope, receive, send_with_limits)

    def _count(self, user: str, bucket: Bucket) -> tuple[int, int]:
        """Count a request: how many that makes, and the seconds left in the window."""
        now, length = self._limits.clock(), self._limits.window
        window = math.floor(now / length)
        if window != self._window:
            self._window = window
            self._used.clear()
        self._used[user, bucket] += 1
        return self._used[user, bucket], max(1, math.ceil((window + 1) * length - now))


def _user(scope: Scope) -> str:
    """Who sends the request: the owner of the token, or else the address."""
    return Headers(scope=scope).get("authorization") or str(scope["client"][0])
