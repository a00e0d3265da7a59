"""The local Hub's web pages over HTTP: the gallery, a model's tabs, predictions to share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from hubtools.cards.card import Card
from hubtools.core.errors import HubtoolsError
from hubtools.core.results import Prediction
from hubtools.core.template_root import template_root
from hubtools.localhub import page_data, share_links
from hubtools.localhub.errors import RepoNotFoundError, StoreError
from hubtools.localhub.fleet_pages import fleet_page, fleets_page, has_fleets
from hubtools.localhub.gallery import gallery_page, parse_gallery_query
from hubtools.localhub.http import context_of, is_signed_in, param, repo_id_of
from hubtools.localhub.links import ServerLinks
from hubtools.localhub.page_data import RepoHead, read_head
from hubtools.localhub.prompt_api import can_draw, why_not
from hubtools.localhub.rendering import ASSETS, WebPage, environment, render

__all__ = ["environment"]

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",  # cards have styles; markup.py looks through them
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
    asked = parse_gallery_query(request.query_params, param(request, "namespace"))
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        page = gallery_page(snapshot, asked, _links(request))
    if is_signed_in(request) and has_fleets(context_of(request).store.root):
        page = replace(page, data={**page.data, "fleets": True})
    return _html(request, page)


def fleets(request: Request) -> Response:
    """GET /-/fleets: the fleets that were published here."""
    return _html(request, fleets_page(_fleets_root(request)))


def fleet(request: Request) -> Response:
    """GET /-/fleets/{name}: how the models of one score, which stand out, what failed."""
    return _html(request, fleet_page(_fleets_root(request), param(request, "name")))


def card(request: Request) -> Response:
    """GET /{id}: the README as the Hub would show it; `?pictures=remote` loads those of others."""
    store, remote = context_of(request).store, request.query_params.get("pictures") == "remote"
    model = _model(request)
    reason = why_not(model.entries) if request.app.state.box else "Prompting is switched off here."
    page = page_data.card_page(store, model, _links(request), remote=remote, box={"reason": reason})
    return _html(request, page, remote=remote)


def files(request: Request) -> Response:
    """GET /{id}/tree/{revision}[/{path}]: a folder's files."""
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        model = read_head(snapshot, snapshot.repo(repo_id_of(request)))
        folder = param(request, "path").strip("/")
        page = page_data.files_page(snapshot, model, param(request, "revision", "main"), folder)
    return _html(request, page)


def blob(request: Request) -> Response:
    """GET /{id}/blob/{revision}/{path}: one file."""
    store = context_of(request).store
    with store.snapshot(private=is_signed_in(request)) as snapshot:
        model = read_head(snapshot, snapshot.repo(repo_id_of(request)))
        revision, path = param(request, "revision"), param(request, "path")
        page = page_data.file_page(store, snapshot, model, revision, path)
    return _html(request, page)


def history(request: Request) -> Response:
    """GET /{id}/commits/{revision}: the commits, newest first."""
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        model = read_head(snapshot, snapshot.repo(repo_id_of(request)))
        page = page_data.history_page(snapshot, model, param(request, "revision"))
    return _html(request, page)


def commit(request: Request) -> Response:
    """GET /{id}/commit/{oid}: what one commit changed."""
    store = context_of(request).store
    with store.snapshot(private=is_signed_in(request)) as snapshot:
        model = read_head(snapshot, snapshot.repo(repo_id_of(request)))
        page = page_data.commit_page(store, snapshot, model, param(request, "revision"))
    return _html(request, page)


def record(request: Request) -> Response:
    """GET /{id}/run: what `run.json` says."""
    page = page_data.record_page(context_of(request).store, _model(request), _links(request))
    return _html(request, page)


def share(request: Request) -> Response:
    """GET /{id}/share/{key}: one prediction, `key` its number on the card or a signed new one."""
    model, key = _model(request), param(request, "key")
    card, prediction = _shared(request, model, key)
    page = page_data.share_page(
        model,
        _links(request),
        prediction,
        key,
        count=len(card.predictions),
        can_draw=can_draw(),
    )
    return _html(request, page)


def share_picture(request: Request) -> Response:
    """GET /{id}/share/{key}.png: the prediction as a picture, drawn now."""
    model = _model(request)
    card, prediction = _shared(request, model, param(request, "key"))
    with _drawing:
        png = share_links.draw(context_of(request).store, card, model.entries, prediction)
    headers = {
        "Cache-Control": "private, max-age=600",
        "Content-Disposition": f'inline; filename="{model.repo.id.name}.png"',
    }
    return Response(png, media_type="image/png", headers=headers)


def asset(request: Request) -> Response:
    """GET /-/{name}: the style sheet, the script, the icon."""
    name = param(request, "name")
    if name not in ASSETS:
        raise RepoNotFoundError("there is no such page on this Hub")
    return FileResponse(template_root() / "web" / name, media_type=ASSETS[name])


def error_page(request: Request, error: HubtoolsError) -> Response:
    """What a browser is shown instead of a page."""
    status = error.status if isinstance(error, StoreError) else 500
    return _html(
        request, WebPage("error.html.j2", {"error": error, "status": status}), status=status
    )


def _fleets_root(request: Request) -> Path:
    """Where the summaries lie. Raises RepoNotFoundError for all but the Hub's user."""
    if not is_signed_in(request):
        raise RepoNotFoundError("there is no such page on this Hub")
    return context_of(request).store.root


def _model(request: Request) -> RepoHead:
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        return read_head(snapshot, snapshot.repo(repo_id_of(request)))


def _shared(request: Request, model: RepoHead, key: str) -> tuple[Card, Prediction]:
    """The model's card and the prediction `key`. Raises NoPredictionError when there is none."""
    store = context_of(request).store
    card = share_links.card_of(store, model.repo, model.entries)
    if not (key.isdecimal() and len(key) < 4):
        return card, share_links.read_signed(share_links.share_key(store.root), model.repo, key)
    said = page_data.said(card)
    if not 1 <= int(key) <= len(said):
        raise share_links.NoPredictionError(f"the card of {model.repo.id} has no prediction {key}")
    return card, said[int(key) - 1]


def _links(request: Request) -> ServerLinks:
    return ServerLinks(f"{request.url.scheme}://{request.url.netloc}")


def _html(
    request: Request, page: WebPage, *, status: int = 200, remote: bool = False
) -> HTMLResponse:
    policy = {**_POLICY, **(_SCRIPT_POLICY if page.script else {})}
    if remote:
        policy["img-src"] = "'self' https:"
    text = render(request.app.state.pages, page, _links(request))
    joined = "; ".join(f"{name} {value}" for name, value in policy.items())
    return HTMLResponse(text, status, {**_HEADERS, "Content-Security-Policy": joined})
