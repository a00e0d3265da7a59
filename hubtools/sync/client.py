"""A client of one Hub: paths, tokens and JSON over the transport that all requests share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from huggingface_hub import HfApi, get_token
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status, httpx

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import HubtoolsError, HubUnavailableError
from hubtools.sync.http_errors import translated_errors
from hubtools.sync.repo_state import SPACES
from hubtools.sync.target import Target, connect
from hubtools.sync.transport import Transport, hub_transport

T = TypeVar("T", list[Any], dict[str, Any])

_NOT_A_HUB = "Check --to; a proxy or a network's login page may respond in the Hub's place"


@dataclass(frozen=True, slots=True)
class HubClient:
    """A client that threads can share."""

    api: HfApi
    transport: Transport

    @property
    def endpoint(self) -> str:
        return str(self.api.endpoint).rstrip("/")

    @property
    def signed_in(self) -> bool:
        """Whether requests carry a token."""
        return bool(self.api.token) or (self.api.token is None and get_token() is not None)

    def repo_path(self, repo_id: str, *rest: str) -> str:
        """The path of a repository in the API."""
        start = "/api" if repo_id.startswith(SPACES) else "/api/models"
        return "/".join([start, quote(repo_id), *(quote(part, safe="") for part in rest)])

    def send(self, method: str, path: str, where: str, **options: Any) -> httpx.Response:
        """The response to a request, whatever its status.

        Raises HubUnavailableError about `where` when none came, and CancelledError; for a commit,
        which is not retried, also the client's own NETWORK_ERRORS.
        """
        headers = build_hf_headers(token=self.api.token, library_name=self.api.library_name)
        url = path if path.startswith(("http://", "https://")) else self.endpoint + path
        try:
            return get_session().request(
                method, url, headers={**headers, **options.pop("headers", {})}, **options
            )
        except HubUnavailableError as error:
            error.where = where
            raise

    def request(self, method: str, path: str, where: str, **options: Any) -> httpx.Response:
        """A successful response.

        Raises AccessError, ConflictError, HubUnavailableError and HubtoolsError about `where`, and
        CancelledError.
        """
        return raise_for_status(self.send(method, path, where, **options), where)

    def get(self, path: str, where: str, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """A successful response to a GET. Raises as `request` does."""
        return self.request("GET", path, where, params=params)

    def pages(self, path: str, where: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """The JSON of each page of a listing. Raises as `request` does."""
        response = self.get(path, where, params)
        yield parse_json(response, where, list)
        while (link := response.links.get("next", {}).get("url")) is not None:
            response = self.get(self._checked_link(link, where), where)
            yield parse_json(response, where, list)

    def _checked_link(self, link: str, where: str) -> str:
        """A next page's address, which must be on this Hub: the token is sent there."""
        url, here = urljoin(self.endpoint, link), urlsplit(self.endpoint)
        if urlsplit(url)[:2] != here[:2]:
            raise HubtoolsError(f"links to a next page on {urlsplit(url).netloc!r}", where=where)
        return url


@contextmanager
def open_client(target: Target, cancel: CancelToken) -> Iterator[HubClient]:
    """A client of `target`; a local Hub is served meanwhile."""
    with connect(target) as api, hub_transport(str(api.endpoint), cancel) as transport:
        yield HubClient(api, transport)


def raise_for_status(response: httpx.Response, where: str) -> httpx.Response:
    """`response` when it is successful; raises our errors for every other status."""
    with translated_errors(where):
        hf_raise_for_status(response)
    return response


def parse_json(response: httpx.Response, where: str, kind: type[T], *keys: str) -> T:
    """The JSON of a successful response, which must be of `kind` and have these keys.

    Raises HubUnavailableError for anything else: the page of a proxy, or of a network's login.
    """
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, kind) or any(key not in document for key in keys):
        raise HubUnavailableError("did not respond as a Hub does", where=where, fix=_NOT_A_HUB)
    return document
