"""A polite client for all networks: it identifies itself, waits when asked to, and retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from urllib.parse import urlencode

from hubtools.core.errors import HubUnavailableError
from hubtools.posts.live.guard import AddressGuard, origin_of
from hubtools.posts.live.http import HttpResponse, NoResponseError, PublicHttp
from hubtools.posts.live.pacing import seconds_until_allowed, seconds_until_refilled
from hubtools.posts.live.settings import LiveReading

_TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))
_WORTH_A_NOTE = 5.0  # seconds
_RERUN = "Run the same command again later; it resumes from here"


class LiveClient(AbstractContextManager["LiveClient"]):
    """Requests JSON from public servers, and from the `trusted` origins wherever they are."""

    def __init__(self, reading: LiveReading, trusted: Iterable[str] = ()) -> None:
        self._settings = reading.settings
        self._reporter, self._cancel = reading.reporter, reading.cancel
        self._sleep = self._settings.sleep or self._cancel.wait
        self._not_before: dict[str, float] = {}
        self._http = PublicHttp(
            AddressGuard(frozenset(map(origin_of, trusted)), self._settings.resolve),
            self._settings.limits,
            purpose="public posts, one account",
            accept="application/json",
        )

    def __exit__(self, *_: object) -> None:
        self._http.__exit__()

    def get(self, url: str, params: Mapping[str, str] | None = None) -> HttpResponse:
        """The final response to one request, sent up to `settings.attempts` times.

        Raises HubUnavailableError if there is none for now, SourceError for a server that must not
        be asked or sends too much, CancelledError once the work is cancelled.
        """
        origin = origin_of(url)
        target = f"{url}?{urlencode(params)}" if params else url
        problem = ""
        for attempt in range(1, self._settings.attempts + 1):
            self._wait_for_limit(origin)
            self._cancel.raise_if_cancelled()
            wait = self._backoff(attempt)
            try:
                response = self._http.get(target)
            except NoResponseError as error:
                problem = str(error)
            else:
                now = self._settings.clock()
                if response.status not in _TEMPORARY:
                    self._not_before[origin] = now + seconds_until_refilled(response.headers, now)
                    return response
                problem = f"HTTP {response.status}"
                wait += seconds_until_allowed(response.headers, now) or 0.0
            if attempt < self._settings.attempts:
                self._pause(wait, origin, problem)
        raise HubUnavailableError(f"does not respond ({problem})", where=origin, fix=_RERUN)

    def _wait_for_limit(self, origin: str) -> None:
        left = self._not_before.pop(origin, 0.0) - self._settings.clock()
        if left > 0:
            self._pause(left + self._settings.jitter(), origin, "rate limit")

    def _backoff(self, attempt: int) -> float:
        """1, 2, 4, … up to 30 seconds, each between half and all of it."""
        return float(min(2 ** (attempt - 1), 30)) * (0.5 + self._settings.jitter() / 2)

    def _pause(self, seconds: float, origin: str, reason: str) -> None:
        if seconds > self._settings.longest_wait:
            minutes = f"{seconds / 60:.0f} minutes"
            raise HubUnavailableError(
                f"asks to wait {minutes} ({reason})", where=origin, fix=_RERUN
            )
        if seconds >= _WORTH_A_NOTE:
            self._reporter.note(f"Waiting {seconds:.0f} s for {origin} ({reason})")
        self._sleep(seconds)
