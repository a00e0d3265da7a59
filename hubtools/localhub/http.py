"""What all requests to the local Hub pass through, and what handlers share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubtools.core.errors import HubtoolsError
from hubtools.localhub.access import Access, Role
from hubtools.localhub.errors import (
    BadRequestError,
    EntryNotFoundError,
    ForbiddenError,
    RepoMovedError,
    StoreError,
    TooLargeError,
    UnauthorizedError,
)
from hubtools.localhub.store import Store
from hubtools.localhub.types import SPACES, RepoId

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ROLE = "hubtools.role"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_MAX_JSON = 32 << 20  # bytes
_MAX_HEADER = 500  # characters
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class HubContext:
    """What a handler works on: the store, and who the caller is allowed to be."""

    store: Store
    access: Access
    upload_key: bytes


class JsonResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


class RequestGuard:
    """Checks host, origin and token of every request, and routes on the path as it was sent.

    A request under a foreign host name is a rebound DNS entry, one from a foreign origin a web
    page that somebody happens to have open; neither may act on a Hub on this machine. `hosts`
    is None where every name is allowed.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: frozenset[str] | None) -> None:
        self._app, self._access, self._hosts = app, access, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""))
            _check_origin(scope["method"], headers)
            role = self._access.role(headers.get("authorization"))
        except StoreError as error:
            await error_response(error)(scope, receive, send_with_headers)
            return
        raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        inner = {**scope, "path": raw, _ROLE: role}
        await self._app(inner, receive, send_with_headers)

    def _check_host(self, host: str) -> None:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            name = None
        if self._hosts is not None and name not in self._hosts:
            raise ForbiddenError(
                "this Hub does not answer to that host name", fix="Use http://localhost"
            )


def _check_origin(method: str, headers: Headers) -> None:
    if method in _SAFE:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    if foreign or site not in (None, "same-origin", "none"):
        raise ForbiddenError("a web page of another site may not change this Hub")


def context_of(request: Request) -> Hub:
    """What the app was made with."""
    context: HubContext = request.app.state.hub
    return hub


def is_signed_in(request: Request) -> bool:
    """Whether the request comes from the Hub's user."""
    return role_of(request) is not None


def role_of(request: Request) -> Role | None:
    """What the caller may do as the Hub's user; None when it is someone else."""
    role: Role | None = request.scope[_ROLE]
    return role


def repo_id_of(request: Request) -> RepoId:
    """The repository that the path names."""
    is_space = request.scope["path"].startswith((f"/{SPACES}", f"/api/{SPACES}"))
    namespace = param(request, "namespace")
    return RepoId(f"{SPACES}{namespace}" if is_space else namespace, param(request, "name"))


def param(request: Request, name: str, default: str = "") -> str:
    """A piece of the path, unquoted only now, so that `%2F` did not divide it."""
    return unquote(request.path_params.get(name, default))


def check_write(request: Request, repo_id: RepoId) -> None:
    """Raises UnauthorizedError or ForbiddenError when the caller may not write there."""
    if context_of(request).access.read_only:
        raise ForbiddenError(
            "this Hub is read-only", fix="Start it with HUBTOOLS_HUB_TOKEN set, and send that token"
        )
    if not is_signed_in(request):
        raise UnauthorizedError("Invalid username or password.")
    if role_of(request) == "read":
        raise ForbiddenError("this token may only read", fix="Send one with write access")
    context_of(request).access.check_write(repo_id.owner)


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object, of at most 32 MiB. Raises BadRequestError, TooLargeError."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _FORMS:
        raise BadRequestError("the body must be JSON", fix="Send Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON:
            raise TooLargeError("the body is larger than 32 MiB")
    return json_object(bytes(body))


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises BadRequestError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body is not valid JSON") from error
    if not isinstance(data, dict):
        raise BadRequestError("the body is not a JSON object")
    return data


def error_response(error: HubtoolsError, **more: str) -> Response:
    """The answer that says what went wrong, as the Hub's clients read it."""
    status, code = (error.status, error.code) if isinstance(error, StoreError) else (507, None)
    message = str(error)
    # The client says header and body one after the other unless they are the same.
    headers = {"X-Error-Message": message} if _fits_a_header(message) else {}
    if code:
        headers["X-Error-Code"] = code
    if isinstance(error, EntryNotFoundError):
        headers["X-Repo-Commit"] = error.commit
    if isinstance(error, UnauthorizedError):
        # The client compares this header with the Hub's own words.
        message = headers["X-Error-Message"] = error.what
        headers["WWW-Authenticate"] = "Bearer"
    return JsonResponse({"error": message, **more}, status, headers)


def _fits_a_header(text: str) -> bool:
    return len(text) <= _MAX_HEADER and text.isascii() and text.isprintable()


def moved_response(request: Request, error: RepoMovedError) -> Response:
    """A redirect to the same thing under the repository's new name."""
    parts = request.scope["path"].split("/")
    old, new = error.old.split("/"), error.new.split("/")
    for i in range(len(parts) - len(old) + 1):
        *folders, name = map(unquote, parts[i : i + len(old)])
        suffix = ".git" if name.endswith(".git") else ""
        if [*folders, name.removesuffix(".git")] == old:
            parts[i : i + len(old)] = [*map(quote, new[:-1]), quote(new[-1]) + suffix]
            break
    query = request.url.query
    location = "/".join(parts) + (f"?{query}" if query else "")
    return Response(status_code=307, headers={"Location": location})


def next_link(request: Request, changes: Mapping[str, str]) -> dict[str, str]:
    """The Link header to the next page: this address with some parameters changed."""
    url = request.url.replace(path=request.scope["path"]).include_query_params(**changes)
    return {"Link": f'<{url}>; rel="next"'}
