"""The local Hub's web pages over HTTP: the gallery, a model's tabs, predictions to share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from hubtools.core.errors import HubtoolsError
from hubtools.core.results import Prediction
from hubtools.core.template_root import template_root
from hubtools.localhub import share_links
from hubtools.localhub.errors import RepoNotFoundError, StoreError
from hubtools.localhub.fleet_pages import fleet_page, fleets_page, has_fleets
from hubtools.localhub.gallery import gallery_page, parse_gallery_query
from hubtools.localhub.http import context_of, is_signed_in, param, repo_for, snapshot_for
from hubtools.localhub.links import ServerLinks
from hubtools.localhub.page_data import ModelPages, Prompting
from hubtools.localhub.prompt_api import can_draw, why_not_runnable
from hubtools.localhub.rendering import ASSETS, WebPage, render

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",  # cards have styles; markup.py checks them
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
_SCRIPT_POLICY = {"script-src": "'self'", "connect-src": "'self'"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_drawing = Lock()


def models(request: Request) -> Response:
    """GET / and GET /{namespace}: all models, or those with some words or a tag."""
    query = parse_gallery_query(request.query_params, param(request, "namespace"))
    with snapshot_for(request) as snapshot:
        page = gallery_page(snapshot, query, _links(request))
    if is_signed_in(request) and has_fleets(context_of(request).store.root):
        page = replace(page, data={**page.data, "fleets": True})
    return _html(request, page)


def fleets(request: Request) -> Response:
    """GET /-/fleets: the fleets that were published here."""
    return _html(request, fleets_page(_fleets_root(request)))


def fleet(request: Request) -> Response:
    """GET /-/fleets/{name}: how the models of a fleet score, the outliers, and what failed."""
    return _html(request, fleet_page(_fleets_root(request), param(request, "name")))


def card(request: Request) -> Response:
    """GET /{id}: the README as the Hub would show it; `?pictures=remote` loads other hosts'."""
    remote = request.query_params.get("pictures") == "remote"
    with _pages(request) as pages:
        reason = why_not_runnable(pages.entries)
        if context_of(request).inference is None:
            reason = "Prompting is turned off on this Hub."
        page = pages.card_page(_links(request), remote=remote, prompting=Prompting(reason))
    return _html(request, page, remote=remote)


def files(request: Request) -> Response:
    """GET /{id}/tree/{revision}[/{path}]: a folder's files."""
    with _pages(request) as pages:
        folder = param(request, "path").strip("/")
        return _html(request, pages.files_page(param(request, "revision"), folder))


def blob(request: Request) -> Response:
    """GET /{id}/blob/{revision}/{path}: one file."""
    with _pages(request) as pages:
        page = pages.file_page(param(request, "revision"), param(request, "path"))
    return _html(request, page)


def history(request: Request) -> Response:
    """GET /{id}/commits/{revision}: the commits, newest first."""
    with _pages(request) as pages:
        return _html(request, pages.history_page(param(request, "revision")))


def commit(request: Request) -> Response:
    """GET /{id}/commit/{oid}: what a commit changed."""
    with _pages(request) as pages:
        return _html(request, pages.commit_page(param(request, "revision")))


def run(request: Request) -> Response:
    """GET /{id}/run: the training run that `run.json` records."""
    with _pages(request) as pages:
        return _html(request, pages.run_page(_links(request)))


def share(request: Request) -> Response:
    """GET /{id}/share/{key}: one prediction; `key` is its number on the card, or carries it."""
    key = param(request, "key")
    with _pages(request) as pages:
        prediction = _shared(request, pages, key)
        page = pages.share_page(_links(request), prediction, key, can_draw=can_draw())
    return _html(request, page)


def share_picture(request: Request) -> Response:
    """GET /{id}/share/{key}.png: the prediction as a picture, drawn on request."""
    with _pages(request) as pages, _drawing:
        png = pages.draw(_shared(request, pages, param(request, "key")))
    headers = {
        "Cache-Control": "private, max-age=600",
        "Content-Disposition": f'inline; filename="{pages.repo.id.name}.png"',
    }
    return Response(png, media_type="image/png", headers=headers)


def asset(request: Request) -> Response:
    """GET /-/{name}: the style sheet, the script, the icon."""
    name = param(request, "name")
    if name not in ASSETS:
        raise RepoNotFoundError("this page does not exist")
    return FileResponse(template_root() / "web" / name, media_type=ASSETS[name])


def error_page(request: Request, error: HubtoolsError) -> Response:
    """The page that a browser gets instead of an error's JSON."""
    status = error.status if isinstance(error, StoreError) else 500
    page = WebPage("error.html.j2", {"error": error, "status": status})
    return _html(request, page, status=status)


def _fleets_root(request: Request) -> Path:
    """The Hub's folder, for its user only. Raises RepoNotFoundError for anyone else."""
    if not is_signed_in(request):
        raise RepoNotFoundError("this page does not exist")
    return context_of(request).store.root


@contextmanager
def _pages(request: Request) -> Iterator[ModelPages]:
    with repo_for(request) as (snapshot, repo):
        yield ModelPages(context_of(request).store, snapshot, repo)


def _shared(request: Request, pages: ModelPages, key: str) -> Prediction:
    """The prediction that a share link names. Raises NoPredictionError when there is none."""
    number = share_links.number_of(key)
    if number is None:
        signing_key = share_links.share_key(context_of(request).store.root)
        return share_links.read_signed(signing_key, pages.repo, key)
    if not 1 <= number <= len(pages.predictions):
        raise share_links.NoPredictionError(f"the card of {pages.repo.id} has no prediction {key}")
    return pages.predictions[number - 1]


def _links(request: Request) -> ServerLinks:
    return ServerLinks(f"{request.url.scheme}://{request.url.netloc}")


def _html(
    request: Request, page: WebPage, *, status: int = 200, remote: bool = False
) -> HTMLResponse:
    policy = {**_POLICY, **(_SCRIPT_POLICY if page.script else {})}
    if remote:
        policy["img-src"] = "'self' https:"
    text = render(context_of(request).templates, page, _links(request))
    joined = "; ".join(f"{name} {value}" for name, value in policy.items())
    return HTMLResponse(text, status, {**_HEADERS, "Content-Security-Policy": joined})
