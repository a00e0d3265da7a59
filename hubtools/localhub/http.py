"""What every request passes through, and the helpers that all handlers share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
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
from hubtools.localhub.inference_queue import InferenceService
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.store import Store
from hubtools.localhub.types import SPACES, Repo, RepoId

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
    """What the handlers of one app share."""

    store: Store
    access: Access
    upload_key: bytes
    templates: Environment
    inference: InferenceService | None
    """None where visitors may not prompt the models."""


class JsonResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


class RequestGuard:
    """Checks the host, origin and token of every request, and routes on its undecoded path.

    A request under a foreign host name comes through a rebound DNS entry, one from a foreign
    origin from a web page that somebody happens to have open; neither may act on a Hub on this
    machine. `hosts` is None where every name is allowed.
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
                "this Hub does not serve that host name", fix="Use http://localhost"
            )


def _check_origin(method: str, headers: Headers) -> None:
    if method in _SAFE:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    if foreign or site not in (None, "same-origin", "none"):
        raise ForbiddenError("requests from another site may not change this Hub")


def context_of(request: Request) -> HubContext:
    """What the app was made with."""
    context: HubContext = request.app.state.context
    return context


@contextmanager
def snapshot_for(request: Request) -> Iterator[Snapshot]:
    """The store as the caller may see it: private repositories are for the Hub's user only."""
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        yield snapshot


@contextmanager
def repo_for(request: Request) -> Iterator[tuple[Snapshot, Repo]]:
    """A snapshot and the repository that the path names. Raises RepoNotFoundError."""
    with snapshot_for(request) as snapshot:
        yield snapshot, snapshot.repo(repo_id_of(request))


def is_signed_in(request: Request) -> bool:
    """Whether the request comes from the Hub's user."""
    return role_of(request) is not None


def role_of(request: Request) -> Role | None:
    """What the caller may do as the Hub's user; None for anyone else."""
    role: Role | None = request.scope[_ROLE]
    return role


def repo_id_of(request: Request) -> RepoId:
    """The repository that the path names."""
    is_space = request.scope["path"].startswith((f"/{SPACES}", f"/api/{SPACES}"))
    namespace = param(request, "namespace")
    return RepoId(f"{SPACES}{namespace}" if is_space else namespace, param(request, "name"))


def param(request: Request, name: str, default: str = "") -> str:
    """A segment of the path, decoded after routing, so that `%2F` does not split it."""
    return unquote(request.path_params.get(name, default))


def check_write(request: Request, repo_id: RepoId) -> RepoId:
    """The id. Raises UnauthorizedError or ForbiddenError unless the caller may write to it."""
    access = context_of(request).access
    if access.read_only:
        raise ForbiddenError(
            "this Hub is read-only", fix="Start it with HUBTOOLS_HUB_TOKEN set and send that token"
        )
    if not is_signed_in(request):
        raise UnauthorizedError("Invalid username or password.")
    if role_of(request) == "read":
        raise ForbiddenError("this token is read-only", fix="Use a token with write access")
    access.check_write(repo_id.owner)
    return repo_id


async def json_body(request: Request, limit: int = _MAX_JSON) -> dict[str, Any]:
    """The request's JSON object, of at most `limit` bytes.

    Raises BadRequestError, and TooLargeError.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _FORMS:
        raise BadRequestError("the body must be JSON", fix="Send Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(f"the body is larger than {limit:,} bytes")
    return json_object(bytes(body))


def json_endpoint(
    handler: Callable[[Request, dict[str, Any]], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads a JSON body and then calls `handler` with it in a thread."""

    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(handler, request, await json_body(request))

    return endpoint


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
    """The response to a failed request, as the Hub's clients read it."""
    status, code = (error.status, error.code) if isinstance(error, StoreError) else (507, None)
    message = str(error)
    # The client shows both the header and the body unless they are the same.
    headers = {"X-Error-Message": message} if _fits_a_header(message) else {}
    if code:
        headers["X-Error-Code"] = code
    if isinstance(error, EntryNotFoundError):
        headers["X-Repo-Commit"] = error.commit
    if isinstance(error, UnauthorizedError):
        # The client compares this header with the Hub's own wording.
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


def cursor_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The Link header to the next page of a listing; without a cursor there is none."""
    if cursor is None:
        return {}
    url = request.url.replace(path=request.scope["path"]).include_query_params(cursor=cursor)
    return {"Link": f'<{url}>; rel="next"'}
