"""Requests to a Hub: paced, counted, and sent again when the Hub or the network failed for now."""

from __future__ import annotations

import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from hubtools.core.errors import HubtoolsError, HubUnavailableError
from hubtools.sync.http_errors import asking
from hubtools.sync.pacing import Budget, Pacer
from hubtools.sync.plan import SPACES

if TYPE_CHECKING:
    from httpx2 import Request, Response
    from huggingface_hub import HfApi

T = TypeVar("T", list[Any], dict[str, Any])

FOR_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""
_KNOCKS = 2  # attempts at an address where nobody has answered yet
_TOO_MANY = 429
_STRANGER = "Look at --to; a proxy or the login page of a network may answer in the Hub's place"
_SHOW_CURSOR = "\x1b[?25h"
_UNSAID = 4  # times longer after a 429 that does not say how long: windows last minutes


class StoppedError(Exception):
    """A request was not sent, since the run is ending."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on with a Hub that fails."""

    attempts: int = 7
    first: float = 1.0
    """Seconds before the second attempt, doubled with each further one, half of it at random."""
    most: float = 30.0
    timeout: float = 75.0
    """Seconds for an answer; a Hub under load may take 30."""

    def wait(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt`, from 0."""
        longest: float = min(self.most, self.first * 2**attempt)
        return longest * random.uniform(0.5, 1)


@dataclass(frozen=True)
class Hub:
    """A client of one Hub that threads can share."""

    api: HfApi
    pacer: Pacer = field(default_factory=Pacer)
    patience: RetryPolicy = field(default_factory=RetryPolicy)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set to let no further request begin."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set once anything answered at the Hub's address."""

    @property
    def endpoint(self) -> str:
        return str(self.api.endpoint).rstrip("/")

    @property
    def signed_in(self) -> bool:
        """Whether requests carry a token."""
        from huggingface_hub import get_token

        return bool(self.api.token) or (self.api.token is None and get_token() is not None)

    def repo(self, repo_id: str, *rest: str) -> str:
        """The path of a repository in the API."""
        start = "/api" if repo_id.startswith(SPACES) else "/api/models"
        return "/".join([start, quote(repo_id), *(quote(part, safe="") for part in rest)])

    def get(
        self,
        path: str,
        where: str,
        *,
        budget: Budget = "api",
        params: Mapping[str, Any] | None = None,
    ) -> Response:
        """The answer to a GET, asked for again while it fails for now. Raises our errors."""
        return self.ask("GET", path, where, budget=budget, params=params)

    def ask(
        self, method: str, path: str, where: str, *, budget: Budget = "api", **more: Any
    ) -> Response:
        """The good answer to a request that may be sent twice.

        Raises AccessError, ConflictError, HubUnavailableError and HubtoolsError, all about
        `where`, and StoppedError.
        """
        return good(self.answer(method, path, where, budget=budget, **more), where)

    def answer(
        self, method: str, path: str, where: str, *, budget: Budget = "api", **more: Any
    ) -> Response:
        """The answer to a request that may be sent twice, whatever its status.

        Raises HubUnavailableError when none came after all attempts, and sooner where nobody has
        ever answered: the address may be wrong.
        """
        for attempt in range(self.patience.attempts - 1):
            try:
                response = self.send(method, path, budget=budget, **more)
            except network_errors() as error:
                if attempt >= _KNOCKS and not self.reached.is_set() and _is_unmet(error):
                    break
                self.pause(attempt, budget, None)
                continue
            if response.status_code not in FOR_NOW:
                return response
            self.pause(attempt, budget, response)
        with asking(where):
            return self.send(method, path, budget=budget, **more)

    def send(self, method: str, path: str, *, budget: Budget = "api", **more: Any) -> Response:
        """One request when its turn has come. Raises the client's own errors, and StoppedError."""
        from huggingface_hub.utils import build_hf_headers, get_session

        delay = self.pacer.begin(budget)
        said: Mapping[str, str] | None = None
        try:
            if self.stop.wait(delay) if delay > 0 else self.stop.is_set():
                raise StoppedError
            headers = build_hf_headers(token=self.api.token, library_name=self.api.library_name)
            response = get_session().request(
                method,
                self._url(path),
                headers={**headers, **more.pop("headers", {})},
                timeout=self.patience.timeout,
                **more,
            )
            said = response.headers
            self.reached.set()
            return response
        finally:
            self.pacer.end(budget, said)

    @contextmanager
    def room(self, budget: Budget, requests: int) -> Iterator[None]:
        """Places for so many requests that the client itself sends, once their turn has come.

        Raises StoppedError when the run ends first.
        """
        delay = max(self.pacer.begin(budget) for _ in range(requests))
        try:
            if self.stop.wait(delay) if delay > 0 else self.stop.is_set():
                raise StoppedError
            yield
        finally:
            for _ in range(requests):
                self.pacer.end(budget, None)

    def pause(self, attempt: int, budget: Budget, response: Response | None) -> None:
        """Wait before attempt number `attempt` + 1. Raises StoppedError when the run ends."""
        self.pacer.expect(budget, 1)
        seconds = self.patience.wait(attempt)
        if response is not None and response.status_code == _TOO_MANY:
            seconds = _room_after(response, seconds)
            self.pacer.close(budget, seconds)
        if self.stop.wait(seconds):
            raise StoppedError

    def pages(self, path: str, where: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """The JSON of each page of a listing. Raises as `get`."""
        response = self.get(path, where, params=params)
        yield told(response, where, list)
        while (link := response.links.get("next", {}).get("url")) is not None:
            response = self.get(self._own(link, where), where)
            yield told(response, where, list)

    def _url(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else self.endpoint + path

    def _own(self, link: str, where: str) -> str:
        """A next page's address, which must be this Hub's: the token goes there."""
        url, here = urljoin(self.endpoint, link), urlsplit(self.endpoint)
        if urlsplit(url)[:2] != here[:2]:
            raise HubtoolsError(f"names a next page on {urlsplit(url).netloc!r}", where=where)
        return url


def good(response: Response, where: str) -> Response:
    """`response` when it is one; raises our errors for every other status."""
    from huggingface_hub.utils import hf_raise_for_status

    with asking(where):
        hf_raise_for_status(response)
    return response


def told(response: Response, where: str, kind: type[T], *needed: str) -> T:
    """The JSON of a good answer, of which the caller knows the `kind` and keys that it `needed`.

    Raises HubUnavailableError for anything else: the page of a proxy, or of a network's login.
    """
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, kind) or any(key not in document for key in needed):
        raise HubUnavailableError("does not answer as a Hub does", where=where, fix=_STRANGER)
    return document


def _is_unmet(error: Exception) -> bool:
    from huggingface_hub.utils import httpx

    return isinstance(error, httpx.ConnectError)


def network_errors() -> tuple[type[Exception], ...]:
    """What the client raises when no whole answer came."""
    from huggingface_hub.utils import httpx

    return (httpx.TransportError, httpx.DecodingError, ConnectionError, TimeoutError)


@contextmanager
def interruptible(hub: Hub) -> Iterator[Callable[[], bool]]:
    """Ctrl-C lets the requests in flight end; a second one ends the process at once.

    That loses nothing that a rerun would not find. Yields whether it was pressed. Only the main
    thread can be told.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def end(signal_number: int, frame: object) -> None:
        if pressed.is_set():
            if sys.stderr.isatty():
                sys.stderr.write(_SHOW_CURSOR)  # the bar hides it
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        pressed.set()
        hub.stop.set()

    before = signal.signal(signal.SIGINT, end)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def timed(seconds: float) -> Iterator[None]:
    """Let no request of the client's own wait for longer; by default it waits for ever."""
    from huggingface_hub.utils import get_session

    session = get_session()
    before, session.timeout = session.timeout, seconds
    try:
        yield
    finally:
        session.timeout = before


@contextmanager
def counted(api: HfApi) -> Iterator[list[str]]:
    """A list to which every request to the Hub of `api` adds its method, the client's own too."""
    from huggingface_hub.utils import get_session

    sent: list[str] = []
    netloc = urlsplit(str(api.endpoint)).netloc

    def count(request: Request) -> None:
        if urlsplit(str(request.url)).netloc == netloc:
            sent.append(request.method)

    hooks = get_session().event_hooks
    get_session().event_hooks = {**hooks, "request": [*hooks.get("request", []), count]}
    try:
        yield sent
    finally:
        get_session().event_hooks = hooks


def _room_after(response: Response, otherwise: float) -> float:
    """Seconds until the Hub takes requests again, as its answer says, at most an hour."""
    from huggingface_hub.utils import parse_ratelimit_headers

    after = response.headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return min(float(after), 3600.0)
    limit = parse_ratelimit_headers(response.headers)
    return limit.reset_in_seconds + otherwise if limit else _UNSAID * otherwise
