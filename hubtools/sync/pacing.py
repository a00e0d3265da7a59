"""Pace requests by the Hub's rate limit instead of running into it.

The Hub counts requests in fixed windows, one budget for its API and one for downloads, and every
response has the rest: `RateLimit: "api";r=REMAINING;t=SECONDS` and `RateLimit-Policy: "fixed
window";"api";q=QUOTA;w=SECONDS` (https://huggingface.co/docs/hub/rate-limits).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from huggingface_hub.utils import parse_ratelimit_headers

Budget = Literal["api", "resolvers"]
_CLOCK_SKEW = 0.5  # seconds after a window's end until the Hub's clock has surely passed it too


@dataclass(slots=True)
class _Window:
    expected: int = 0
    in_flight: int = 0
    remaining: int | None = None
    quota: int | None = None
    ends: float = 0.0
    next: float = 0.0
    closed_until: float = 0.0


class Pacer:
    """Decides when the next request may start; safe to share between threads.

    No request waits while all that are expected fit into the window. Otherwise they are spread
    over the rest of it, so that a long run proceeds at a steady pace.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: defaultdict[str, _Window] = defaultdict(_Window)
        self._last = clock()

    def expect(self, budget: Budget, requests: int) -> None:
        with self._lock:
            window = self._windows[budget]
            window.expected = max(0, window.expected + requests)

    def begin(self, budget: Budget) -> float:
        """Reserve one request; the seconds to wait before sending it."""
        with self._lock:
            window, now = self._windows[budget], self._now()
            if window.remaining is not None and now >= window.ends:
                window.remaining, window.next = window.quota, 0.0
                window.ends = float("inf")  # until a response has the new window
            start = max(now, window.next, window.closed_until)
            if window.remaining is not None:
                if window.remaining <= 0 and window.ends != float("inf"):
                    start = max(start, window.ends + _CLOCK_SKEW)
                elif window.expected > window.remaining and window.ends != float("inf"):
                    window.next = start + (window.ends - now) / max(window.remaining, 1)
                window.remaining -= 1
            window.in_flight += 1
            window.expected = max(0, window.expected - 1)
            return start - now

    def end(self, budget: Budget, headers: Mapping[str, str] | None) -> None:
        """Update the budget from the headers of a response; None where there was none."""
        with self._lock:
            window = self._windows[budget]
            window.in_flight -= 1
            limit = parse_ratelimit_headers(headers) if headers else None
            if limit is None:
                return
            window.remaining = limit.remaining - window.in_flight
            window.quota = limit.limit or window.quota
            window.ends = self._now() + limit.reset_in_seconds

    def close(self, budget: Budget, seconds: float) -> None:
        """Let no request begin for so many seconds, after a 429."""
        with self._lock:
            window = self._windows[budget]
            window.closed_until = max(window.closed_until, self._now() + seconds)

    def seconds_closed(self, budget: Budget) -> float:
        """Seconds until the Hub accepts requests again; 0 when it does now."""
        with self._lock:
            window, now = self._windows[budget], self._now()
            until = window.closed_until
            if (
                window.remaining is not None
                and window.remaining <= 0
                and window.ends != float("inf")
            ):
                until = max(until, window.ends + _CLOCK_SKEW)
            return max(0.0, until - now)

    def _now(self) -> float:
        """The time; after a clock that went back, deadlines stay as far away as they were."""
        now = self._clock()
        if now < self._last:
            for window in self._windows.values():
                window.ends += now - self._last
                window.next += now - self._last
                window.closed_until += now - self._last
        self._last = now
        return now
