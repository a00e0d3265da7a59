"""The local Hub as an ASGI app: the routes of its API and of its pages.

Routes match the path as it was sent, so that a quoted slash stays inside its segment. The API
is the part of huggingface.co's that huggingface_hub's client uses for models and for the files of
Spaces, which are stored and do not run.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
from hubtools.localhub.inference_queue import InferenceService
from hubtools.localhub.limits import bucket_of
from hubtools.localhub.rendering import page_templates
from hubtools.localhub.store import Store
from hubtools.localhub.types import SPACES


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
        routes=[
            *_api_routes(),
            *_repo_routes("models"),
            *_repo_routes("spaces"),
            *_file_routes(f"/{SPACES}"),
            *_file_routes("/"),
            *_gallery_routes(),
            *_page_routes(f"/{SPACES}"),
            *_page_routes("/"),
            *_model_page_routes(),
            *_other_routes(),
        ],
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


def _api_routes() -> list[Route]:
    return [
        Route("/api/whoami-v2", api_repos.whoami),
        Route("/api/repos/create", api_repos.create, methods=["POST"]),
        Route("/api/repos/delete", api_repos.delete, methods=["DELETE"]),
        Route("/api/repos/move", api_repos.move, methods=["POST"]),
        Route("/-/lfs/{oid}", api_commit.lfs_upload, methods=["PUT"]),
        Route("/api/validate-yaml", api_repos.validate_yaml, methods=["POST"]),
        Route("/api/models", api_repos.list_repos),
        Route("/api/spaces", api_repos.list_repos),
    ]


def _repo_routes(kind: str) -> list[Route]:
    repo = f"/api/{kind}/{{namespace}}/{{name}}"
    return [
        Route(repo, api_repos.repo_info),
        Route(f"{repo}/revision/{{revision}}", api_repos.repo_info),
        Route(f"{repo}/settings", api_repos.settings, methods=["PUT"]),
        Route(f"{repo}/refs", api_repos.refs),
        Route(f"{repo}/tree/{{revision}}", api_files.tree),
        Route(f"{repo}/tree/{{revision}}/{{path:path}}", api_files.tree),
        Route(f"{repo}/paths-info/{{revision}}", api_files.paths_info, methods=["POST"]),
        Route(f"{repo}/commits/{{revision}}", api_files.commits),
        Route(f"{repo}/preupload/{{revision}}", api_commit.preupload, methods=["POST"]),
        Route(f"{repo}/commit/{{revision}}", api_commit.commit, methods=["POST"]),
    ]


def _file_routes(prefix: str) -> list[Route]:
    """`prefix` is what the addresses of one kind of repository start with."""
    repo = f"{prefix}{{namespace}}/{{name}}"
    lfs = f"{repo}.git/info/lfs/objects"
    return [
        Route(f"{lfs}/batch", api_commit.lfs_batch, methods=["POST"]),
        Route(f"{lfs}/verify", api_commit.lfs_verify, methods=["POST"]),
        Route(f"{repo}/resolve/{{revision}}/{{path:path}}", api_files.resolve),
        Route(f"{repo}/raw/{{revision}}/{{path:path}}", api_files.resolve),
    ]


def _gallery_routes() -> list[Route]:
    return [
        Route("/", routes.models),
        Route("/-/fleets", routes.fleets),
        Route("/-/fleets/{name}", routes.fleet),
        Route("/-/{name}", routes.asset),
        Route("/api/{rest:path}", _unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        Route("/{namespace}", routes.models),
    ]


def _page_routes(prefix: str) -> list[Route]:
    repo = f"{prefix}{{namespace}}/{{name}}"
    return [
        Route(repo, routes.card),
        Route(f"{repo}/tree/{{revision}}", routes.files),
        Route(f"{repo}/tree/{{revision}}/{{path:path}}", routes.files),
        Route(f"{repo}/commits/{{revision}}", routes.history),
        Route(f"{repo}/commit/{{revision}}", routes.commit),
        Route(f"{repo}/blob/{{revision}}/{{path:path}}", routes.blob),
    ]


def _model_page_routes() -> list[Route]:
    repo = "/{namespace}/{name}"
    return [
        Route(f"{repo}/run", routes.run),
        Route(f"{repo}/share/{{key}}.png", routes.share_picture),
        Route(f"{repo}/share/{{key}}", routes.share),
        Route(f"{repo}/predict", prompt_api.predict, methods=["POST"]),
    ]


def _other_routes() -> list[Route]:
    return [Route("/{rest:path}", _unknown, methods=["GET", "POST", "PUT", "DELETE"])]


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
        return error_response(RepoHiddenError())
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
