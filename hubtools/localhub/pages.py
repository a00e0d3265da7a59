"""The local Hub's web pages: the models, a model's card, its files, its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from hubtools.errors import HubtoolsError
from hubtools.localhub.errors import EntryNotFoundError, RepoNotFoundError, StoreError
from hubtools.localhub.markup import render_readme
from hubtools.localhub.model import Commit, Entry, Query, Repo
from hubtools.localhub.readme import decode_readme
from hubtools.localhub.store import README
from hubtools.localhub.view import PICTURE, View
from hubtools.localhub.web import hub_of, is_signed_in, param, repo_id_of
from hubtools.templating import template_root

_MODELS_PAGE, _COMMITS_PAGE, _LABELS = 24, 50, 30
_POLICY = (
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list of files: a folder, or a file with its entry."""

    name: str
    path: str
    entry: Entry | None
    commit: Commit


def environment() -> Environment:
    """The templates of the pages; what they are given is escaped, and must be there."""
    env = Environment(
        loader=FileSystemLoader(template_root() / "web"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"day": _day, "size": _size, "path": lambda text: quote(str(text))}
    return env


def models(request: Request) -> Response:
    """GET / and GET /{namespace}: all models, found by words or a tag, newest change first."""
    asked = request.query_params
    words, tag = asked.get("q", "").strip()[:200], asked.get("tag", "")[:200]
    query = Query(
        namespace=param(request, "namespace") or None,
        words=tuple(words.split()),
        tags=(tag,) if tag else (),
        sort="lastModified",
        limit=_MODELS_PAGE,
    )
    with hub_of(request).store.view(private=is_signed_in(request)) as view:
        count = view.count(query)
        if query.namespace and not count and not words and not tag:
            raise RepoNotFoundError(f"{query.namespace} has no models here")
        page = view.page(_after(query, asked.get("after")))
    more = _here(request, after=page.next) if page.next else None
    data = {"repos": page.repos, "count": count, "words": words, "tag": tag}
    data |= {"namespace": query.namespace, "more": more, "first": "after" not in asked}
    data["back"] = _here(request)
    return _html(request, "models.html.j2", data)


def card(request: Request) -> Response:
    """GET /{id}: the README as the Hub would show it."""
    store = hub_of(request).store
    with store.view(private=is_signed_in(request)) as view:
        repo = view.repo(repo_id_of(request))
        entries = {entry.path: entry for entry in view.tree(repo, view.commit(repo, "main"))}
    entry = entries.get(README)
    readme = decode_readme(store.readme(entry.sha256)) if entry else None
    files = f"/{repo.id}/resolve/main"
    html = None if readme is None else render_readme(readme, files)
    total = sum(entry.size for entry in entries.values())
    data = {"html": html, "entries": entries, "total": total, "facts": _facts(repo)}
    return _repo_html(request, "card.html.j2", repo, "card", data)


def files(request: Request) -> Response:
    """GET /{id}/tree/{revision}[/{path}]: a folder's files."""
    folder = param(request, "path").strip("/")
    with hub_of(request).store.view(private=is_signed_in(request)) as view:
        repo = view.repo(repo_id_of(request))
        revision = param(request, "revision", "main")
        commit = view.commit(repo, revision)
        rows = _rows(view, repo, view.tree(repo, commit), folder)
    if folder and not rows:
        raise EntryNotFoundError(folder, commit.oid)
    parents = [str(p) for p in reversed(PurePosixPath(folder).parents) if str(p) != "."]
    crumbs = [*parents, folder] if folder else []
    data = {"rows": rows, "crumbs": crumbs, "revision": revision, "commit": commit}
    return _repo_html(request, "files.html.j2", repo, "files", data)


def history(request: Request) -> Response:
    """GET /{id}/commits/{revision}: the commits, newest first."""
    with hub_of(request).store.view(private=is_signed_in(request)) as view:
        repo = view.repo(repo_id_of(request))
        start = view.commit(repo, param(request, "revision"))
        found = view.commits(repo, start.seq, _COMMITS_PAGE + 1)
    older = found[_COMMITS_PAGE].oid if len(found) > _COMMITS_PAGE else None
    data = {"commits": found[:_COMMITS_PAGE], "older": older}
    return _repo_html(request, "history.html.j2", repo, "history", data)


def commit(request: Request) -> Response:
    """GET /{id}/commit/{oid}: what one commit changed."""
    with hub_of(request).store.view(private=is_signed_in(request)) as view:
        repo = view.repo(repo_id_of(request))
        found = view.commit(repo, param(request, "revision"))
        changes = view.changes(repo, found)
    data = {"commit": found, "changes": changes}
    return _repo_html(request, "commit.html.j2", repo, "history", data)


def blob(request: Request) -> Response:
    """GET /{id}/blob/{revision}/{path}: the Hub's address of a file's page is the file itself."""
    return RedirectResponse(request.scope["path"].replace("/blob/", "/resolve/", 1))


def style(request: Request) -> Response:
    """GET /-/style.css"""
    return FileResponse(template_root() / "web" / "style.css", media_type="text/css")


def icon(request: Request) -> Response:
    """GET /-/icon.svg"""
    return FileResponse(template_root() / "web" / "icon.svg", media_type="image/svg+xml")


def error_page(request: Request, error: HubtoolsError) -> Response:
    """What a browser is shown instead of a page."""
    status = error.status if isinstance(error, StoreError) else 500
    return _html(request, "error.html.j2", {"error": error, "status": status}, status)


def _repo_html(
    request: Request, template: str, repo: Repo, tab: str, data: Mapping[str, Any]
) -> HTMLResponse:
    labels = _texts(repo.card.data.get("tags"))[:_LABELS]
    return _html(request, template, {"repo": repo, "tab": tab, "labels": labels, **data})


def _html(
    request: Request, template: str, data: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    hub = hub_of(request)
    text = request.app.state.pages.get_template(template).render(
        user=hub.access.user, picture=PICTURE, **data
    )
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return HTMLResponse(text, status, headers)


def _here(request: Request, **changes: str) -> str:
    """This page's path with its query, without `after` unless it is among the changes."""
    url = request.url.remove_query_params("after").include_query_params(**changes)
    return f"{url.path}?{url.query}" if url.query else url.path


def _after(query: Query, cursor: str | None) -> Query:
    return replace(query, after=cursor) if cursor else query


def _rows(view: View, repo: Repo, entries: Sequence[Entry], folder: str) -> list[Row]:
    start = f"{folder}/" if folder else ""
    inside = [entry for entry in entries if entry.path.startswith(start)]
    commits = view.commits_by_seq(repo, {entry.added for entry in inside})
    folders: dict[str, Row] = {}
    plain: list[Row] = []
    for entry in inside:
        name, slash, _ = entry.path[len(start) :].partition("/")
        last = commits[entry.added]
        if not slash:
            plain.append(Row(name, entry.path, entry, last))
        elif name not in folders or folders[name].commit.seq < last.seq:
            folders[name] = Row(name, f"{start}{name}", None, last)
    return [*folders.values(), *plain]


def _facts(repo: Repo) -> dict[str, list[str]]:
    """What the front matter says, for the line of chips."""
    names = {
        "Task": "pipeline_tag",
        "Library": "library_name",
        "Language": "language",
        "Base model": "base_model",
        "Licence": "license",
    }
    found = {label: _texts(repo.card.data.get(key)) for label, key in names.items()}
    return {label: values for label, values in found.items() if values}


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text[:120] for text in values if isinstance(text, str) and text.strip()]


def _day(time: str) -> str:
    moment = datetime.fromisoformat(time)
    return f"{moment.day} {moment:%b %Y}"


def _size(number: int) -> str:
    amount = float(number)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
