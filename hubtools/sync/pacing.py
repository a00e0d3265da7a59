"""Spending what a Hub's rate limit leaves evenly, rather than running into it.

The Hub counts requests in fixed windows, one budget for its API and one for downloads, and every
answer says what is left: `RateLimit: "api";r=REMAINING;t=SECONDS` and `RateLimit-Policy: "fixed
window";"api";q=QUOTA;w=SECONDS` (https://huggingface.co/docs/hub/rate-limits).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Budget = Literal["api", "resolvers"]
_AFTER = 0.5  # seconds after a window's end until the Hub's clock has surely passed it too


@dataclass(slots=True)
class _Window:
    expected: int = 0
    in_flight: int = 0
    left: int | None = None
    quota: int | None = None
    ends: float = 0.0
    next: float = 0.0
    closed_until: float = 0.0


class Pacer:
    """Says when the next request may go; safe to share among threads.

    While all requests that are expected fit into what is left, none waits. When they do not,
    they are spread over the rest of the window, so that a long run goes on at a steady pace.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: defaultdict[str, _Window] = defaultdict(_Window)
        self._last = clock()

    def expect(self, budget: Budget, requests: int) -> None:
        """Say that so many more requests are to come."""
        with self._lock:
            window = self._windows[budget]
            window.expected = max(0, window.expected + requests)

    def begin(self, budget: Budget) -> float:
        """Take a place for one request; returns the seconds to wait before sending it."""
        with self._lock:
            window, now = self._windows[budget], self._now()
            if window.left is not None and now >= window.ends:
                window.left, window.next = window.quota, 0.0
                window.ends = float("inf")  # until an answer tells of the new window
            start = max(now, window.next, window.closed_until)
            if window.left is not None:
                if window.left <= 0 and window.ends != float("inf"):
                    start = max(start, window.ends + _AFTER)
                elif window.expected > window.left and window.ends != float("inf"):
                    window.next = start + (window.ends - now) / max(window.left, 1)
                window.left -= 1
            window.in_flight += 1
            window.expected = max(0, window.expected - 1)
            return start - now

    def end(self, budget: Budget, headers: Mapping[str, str] | None) -> None:
        """Take in what an answer says of its budget; None where no answer came."""
        from huggingface_hub.utils import parse_ratelimit_headers

        with self._lock:
            window = self._windows[budget]
            window.in_flight -= 1
            said = parse_ratelimit_headers(headers) if headers else None
            if said is None:
                return
            window.left = said.remaining - window.in_flight
            window.quota = said.limit or window.quota
            window.ends = self._now() + said.reset_in_seconds

    def close(self, budget: Budget, seconds: float) -> None:
        """Let no request begin for so long: the Hub said that it was too many."""
        with self._lock:
            window = self._windows[budget]
            window.closed_until = max(window.closed_until, self._now() + seconds)

    def rest(self, budget: Budget) -> float:
        """Seconds until the Hub takes requests again; 0 when it does now."""
        with self._lock:
            window, now = self._windows[budget], self._now()
            until = window.closed_until
            if window.left is not None and window.left <= 0 and window.ends != float("inf"):
                until = max(until, window.ends + _AFTER)
            return max(0.0, until - now)

    def _now(self) -> float:
        """The time; when it has gone back, all that was to come is as far away as it was."""
        now = self._clock()
        if now < self._last:
            for window in self._windows.values():
                window.ends += now - self._last
                window.next += now - self._last
                window.closed_until += now - self._last
        self._last = now
        return now
