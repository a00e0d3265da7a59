"""One polite client for all networks: it says who it is, waits when asked to, and tries again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urljoin

from hubtools.core.errors import HubUnavailableError, SourceError
from hubtools.core.events import Reporter
from hubtools.posts.live.guard import Guard, origin_of
from hubtools.posts.live.pacing import seconds_until_allowed, seconds_until_refilled
from hubtools.posts.live.settings import Settings

_FOR_NOW = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))
_MOVED = frozenset((301, 302, 303, 307, 308))
_REDIRECTS = 5
_WORTH_A_NOTE = 5.0  # seconds
_AGAIN = "Run the same command again later; it goes on from here"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said for good: neither "not now" nor a redirect."""

    status: int
    document: Any
    """The JSON of the body; None when it is not JSON."""
    headers: Mapping[str, str]
    """By names in lower case."""
    url: str


class Client(AbstractContextManager["Client"]):
    """Asks public servers for JSON, and the origins in `named` wherever they are."""

    def __init__(self, settings: Settings, report: Reporter, named: Iterable[str] = ()) -> None:
        from huggingface_hub.utils import httpx

        self._settings, self._report = settings, report
        self._guard = Guard(frozenset(map(origin_of, named)), settings.resolve)
        self._quiet_until: dict[str, float] = {}
        self._http = httpx.Client(
            follow_redirects=False,
            timeout=settings.timeout,
            headers={
                "User-Agent": f"hubtools/{version('hf-hubtools')} (public posts, one account)",
                "Accept": "application/json",
            },
        )
        self._broken = (httpx.TransportError, httpx.DecodingError, TimeoutError)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Answer:
        """The answer to one question, asked up to `settings.attempts` times.

        Raises HubUnavailableError when there is none for now, SourceError for a server that may
        not be asked or says more than it should.
        """
        origin = origin_of(url)
        target = f"{url}?{urlencode(params)}" if params else url
        problem = ""
        for attempt in range(1, self._settings.attempts + 1):
            self._keep_quiet(origin)
            wait = self._backoff(attempt)
            try:
                answer = self._follow(target)
            except self._broken as error:
                problem = type(error).__name__
            else:
                now = self._settings.clock()
                if answer.status not in _FOR_NOW:
                    refill = seconds_until_refilled(answer.headers, now)
                    self._quiet_until[origin] = now + refill
                    return answer
                problem = f"HTTP {answer.status}"
                wait += seconds_until_allowed(answer.headers, now) or 0.0
            if attempt < self._settings.attempts:
                self._pause(wait, origin, problem)
        raise HubUnavailableError(
            f"does not answer for now ({problem})", where=origin, fix=_AGAIN
        ) from None

    def _follow(self, url: str) -> Answer:
        for _ in range(_REDIRECTS + 1):
            answer = self._ask(url)
            location = answer.headers.get("location")
            if answer.status not in _MOVED or not location:
                return answer
            url = urljoin(url, location)
        raise SourceError("sends from one address to the next without end", where=origin_of(url))

    def _ask(self, url: str) -> Answer:
        self._guard.check(url)
        with self._http.stream("GET", url) as response:
            self._check_peer(url, response)
            body = self._body(url, response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, _json(body), headers, url)

    def _check_peer(self, url: str, response: Any) -> None:
        """Look at where the connection really went: a name may resolve anew for every request."""
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if peer and self._guard.sees_peer(url):
            self._guard.check_peer(origin_of(url), str(peer[0]))

    def _body(self, url: str, response: Any) -> bytes:
        latest = self._settings.clock() + self._settings.longest_answer
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self._settings.largest_answer:
                raise SourceError(
                    f"answers with more than {self._settings.largest_answer >> 20} MiB",
                    where=origin_of(url),
                )
            if self._settings.clock() > latest:
                raise TimeoutError
        return bytes(body)

    def _keep_quiet(self, origin: str) -> None:
        left = self._quiet_until.pop(origin, 0.0) - self._settings.clock()
        if left > 0:
            self._pause(left + self._settings.jitter(), origin, "its limit of requests")

    def _backoff(self, attempt: int) -> float:
        """One second, two, four …, up to half a minute, each between half and all of it."""
        return float(min(2 ** (attempt - 1), 30)) * (0.5 + self._settings.jitter() / 2)

    def _pause(self, seconds: float, origin: str, why: str) -> None:
        if seconds > self._settings.longest_wait:
            raise HubUnavailableError(
                f"asks to wait {seconds / 60:.0f} minutes ({why})", where=origin, fix=_AGAIN
            )
        if seconds >= _WORTH_A_NOTE:
            self._report.note(f"Waiting {seconds:.0f} s for {origin} ({why})")
        self._settings.sleep(seconds)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
