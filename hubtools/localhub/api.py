"""The local Hub as an ASGI app: the routes of its API and of its pages.

Routes match the path as it was sent, so that a quoted slash stays inside its segment. The API
is the part of huggingface.co's that huggingface_hub's client uses for models and for the files of
Spaces, which are stored and do not run.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hubtools.core.errors import HubtoolsError
from hubtools.localhub import api_commit, api_files, api_repos, prompt_api, routes
from hubtools.localhub.access import OPEN, Access
from hubtools.localhub.errors import RepoHiddenError, RepoMovedError, RepoNotFoundError
from hubtools.localhub.http import (
    LOOPBACK,
    HubContext,
    JsonResponse,
    RequestGuard,
    error_response,
    is_signed_in,
    moved_response,
    param,
)
from hubtools.localhub.inference import InferenceService
from hubtools.localhub.limits import bucket_of
from hubtools.localhub.rendering import page_templates
from hubtools.localhub.store import Store
from hubtools.localhub.types import SPACES

Handler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]


def create_app(
    store: Store,
    *,
    access: Access = OPEN,
    hosts: frozenset[str] | None = LOOPBACK,
    inference: bool = True,
) -> Starlette:
    """The app over a store.

    `hosts` are the host names that it serves; None serves every name, for a server that listens
    beyond this machine. `inference`: whether visitors may prompt the models.
    """
    app = Starlette(
        routes=[Route(path, handler, methods=[method]) for path, handler, method in _routes()],
        middleware=[Middleware(RequestGuard, access=access, hosts=hosts)],
        exception_handlers={
            HubtoolsError: _hubtools_error,
            HTTPException: _http_error,
            ClientDisconnect: _disconnected,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.context = HubContext(
        store=store,
        access=access,
        upload_key=secrets.token_bytes(32),
        templates=page_templates(),
        inference=InferenceService(store) if inference else None,
    )
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    service = app.state.context.inference
    if service is not None:
        await service.close()


def _routes() -> Iterator[tuple[str, Handler, str]]:
    """The paths, their handlers and methods; the first path that matches takes a request."""
    yield "/api/whoami-v2", api_repos.whoami, "GET"
    yield "/api/repos/create", api_repos.create, "POST"
    yield "/api/repos/delete", api_repos.delete, "DELETE"
    yield "/api/repos/move", api_repos.move, "POST"
    yield "/-/lfs/{oid}", api_commit.lfs_upload, "PUT"
    yield "/api/validate-yaml", api_repos.validate_yaml, "POST"
    for kind in ("models", "spaces"):
        repo = f"/api/{kind}/{{namespace}}/{{name}}"
        yield f"/api/{kind}", api_repos.list_repos, "GET"
        yield repo, api_repos.repo_info, "GET"
        yield f"{repo}/revision/{{revision}}", api_repos.repo_info, "GET"
        yield f"{repo}/settings", api_repos.settings, "PUT"
        yield f"{repo}/refs", api_repos.refs, "GET"
        yield f"{repo}/tree/{{revision}}", api_files.tree, "GET"
        yield f"{repo}/tree/{{revision}}/{{path:path}}", api_files.tree, "GET"
        yield f"{repo}/paths-info/{{revision}}", api_files.paths_info, "POST"
        yield f"{repo}/commits/{{revision}}", api_files.commits, "GET"
        yield f"{repo}/preupload/{{revision}}", api_commit.preupload, "POST"
        yield f"{repo}/commit/{{revision}}", api_commit.commit, "POST"
    addresses = (f"/{SPACES}{{namespace}}/{{name}}", "/{namespace}/{name}")
    for repo in addresses:
        yield f"{repo}.git/info/lfs/objects/batch", api_commit.lfs_batch, "POST"
        yield f"{repo}.git/info/lfs/objects/verify", api_commit.lfs_verify, "POST"
        yield f"{repo}/resolve/{{revision}}/{{path:path}}", api_files.resolve, "GET"
        yield f"{repo}/raw/{{revision}}/{{path:path}}", api_files.resolve, "GET"
    yield "/", routes.models, "GET"
    yield "/-/fleets", routes.fleets, "GET"
    yield "/-/fleets/{name}", routes.fleet, "GET"
    yield "/-/{name}", routes.asset, "GET"
    for method in ("GET", "POST", "PUT", "DELETE"):
        yield "/api/{rest:path}", _unknown, method
    yield "/{namespace}", routes.models, "GET"
    for repo in addresses:
        yield repo, routes.card, "GET"
        yield f"{repo}/tree/{{revision}}", routes.files, "GET"
        yield f"{repo}/tree/{{revision}}/{{path:path}}", routes.files, "GET"
        yield f"{repo}/commits/{{revision}}", routes.history, "GET"
        yield f"{repo}/commit/{{revision}}", routes.commit, "GET"
        yield f"{repo}/blob/{{revision}}/{{path:path}}", routes.blob, "GET"
    model = addresses[-1]
    yield f"{model}/run", routes.run, "GET"
    yield f"{model}/share/{{key}}.png", routes.share_picture, "GET"
    yield f"{model}/share/{{key}}", routes.share, "GET"
    yield f"{model}/predict", prompt_api.predict, "POST"
    for method in ("GET", "POST", "PUT", "DELETE"):
        yield "/{rest:path}", _unknown, method


async def _unknown(request: Request) -> Response:
    """What looks like a repository, such as an id without a namespace, is one that is missing."""
    rest = param(request, "rest")
    if rest.startswith(("models/", SPACES)) or "/resolve/" in rest:
        raise RepoNotFoundError("repository not found")
    raise HTTPException(404, "This Hub has no such endpoint")


async def _hubtools_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubtoolsError)
    if isinstance(error, RepoMovedError):
        return moved_response(request, error)
    if _wants_html(request):
        return await run_in_threadpool(routes.error_page, request, error)
    is_page = bucket_of(request.scope["path"]) == "pages"
    if isinstance(error, RepoNotFoundError) and not is_signed_in(request) and not is_page:
        return error_response(RepoHiddenError("Invalid username or password."))
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and _wants_html(request):
        missing = RepoNotFoundError("this page does not exist")
        return await run_in_threadpool(routes.error_page, request, missing)
    return JsonResponse({"error": error.detail}, error.status_code, error.headers)


async def _disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


def _wants_html(request: Request) -> bool:
    wants_html = "text/html" in request.headers.get("accept", "")
    return wants_html and not request.scope["path"].startswith("/api/")
