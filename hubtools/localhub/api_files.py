"""Reading a repository's files over HTTP: tree, paths-info, history, contents."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hubtools.localhub.api_repos import flag, page_size
from hubtools.localhub.errors import BadRequestError, EntryNotFoundError, GatedRepoError
from hubtools.localhub.http import (
    JsonResponse,
    context_of,
    cursor_link,
    is_signed_in,
    json_body,
    param,
    repo_for,
)
from hubtools.localhub.payloads import commit_payload, tree_payload
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.types import Commit, Entry, Repo

_TREE_PAGE, _EXPANDED_TREE_PAGE, _COMMITS_PAGE = 1000, 50, 100
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_TEXT = (".md", ".json", ".jsonl", ".txt", ".py", ".yaml", ".yml", ".toml", ".csv", ".html")
# Contents come from anyone and are served on the pages' origin: nothing in them may run.
_CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def tree(request: Request) -> Response:
    """GET /api/models/{id}/tree/{revision}[/{path}]"""
    params = request.query_params
    recursive, expand = flag(params.get("recursive")), flag(params.get("expand"))
    folder = param(request, "path").strip("/")
    with repo_for(request) as (snapshot, repo):
        commit = snapshot.commit(repo, param(request, "revision"))
        items = _tree_items(snapshot, repo, snapshot.tree(repo, commit), expand=expand)
    start = f"{folder}/" if folder else ""
    if folder and items.get(folder, {}).get("type") != "directory":
        raise EntryNotFoundError(folder, commit.oid)
    inside = (path for path in items if path.startswith(start))
    paths = [p for p in inside if recursive or "/" not in p[len(start) :]]
    after = params.get("cursor", "")
    size = page_size(request, _EXPANDED_TREE_PAGE if expand else _TREE_PAGE)
    page = [path for path in paths if path > after][: size + 1]
    link = cursor_link(request, page[size - 1] if len(page) > size else None)
    headers = {"X-Repo-Commit": commit.oid, **link}
    return JsonResponse([items[path] for path in page[:size]], headers=headers)


async def paths_info(request: Request) -> Response:
    """POST /api/models/{id}/paths-info/{revision}, the body a form or JSON"""
    if "json" in request.headers.get("content-type", ""):
        body = await json_body(request)
        paths, expand = body.get("paths"), bool(body.get("expand"))
        if not isinstance(paths, list):
            raise BadRequestError("paths must be a list")
    else:
        async with request.form(max_fields=20_000) as form:
            paths, expand = form.getlist("paths"), flag(str(form.get("expand", "")))
    found = await run_in_threadpool(_paths_info, request, [str(p) for p in paths], expand=expand)
    return JsonResponse(found)


def _paths_info(request: Request, paths: Sequence[str], *, expand: bool) -> list[dict[str, Any]]:
    with repo_for(request) as (snapshot, repo):
        commit = snapshot.commit(repo, param(request, "revision"))
        items = _tree_items(snapshot, repo, snapshot.tree(repo, commit), expand=expand)
    return [items[path] for path in dict.fromkeys(paths) if path in items]


def commits(request: Request) -> Response:
    """GET /api/models/{id}/commits/{revision}"""
    size = page_size(request, _COMMITS_PAGE)
    with repo_for(request) as (snapshot, repo):
        start = snapshot.commit(
            repo, request.query_params.get("cursor") or param(request, "revision")
        )
        found = snapshot.commits(repo, start.seq, size + 1)
    link = cursor_link(request, found[size].oid if len(found) > size else None)
    return JsonResponse([commit_payload(commit) for commit in found[:size]], headers=link)


def resolve(request: Request) -> Response:
    """GET and HEAD /{id}/resolve/{revision}/{path}"""
    store = context_of(request).store
    path = param(request, "path")
    with repo_for(request) as (snapshot, repo):
        if repo.gated and not is_signed_in(request):
            raise GatedRepoError(str(repo.id))
        commit = snapshot.commit(repo, param(request, "revision"))
        entry = snapshot.entry(repo, commit, path)
    headers = _content_headers(request, commit, entry)
    if _matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        store.objects.path(entry.sha256), headers=headers, media_type=media_type(path)
    )


def media_type(path: str) -> str:
    """The Content-Type of a file: pictures are shown, text is plain text, the rest is bytes."""
    kind, _ = mimetypes.guess_type(path)
    if kind in _SHOWN:
        return kind
    is_text = path.endswith(_TEXT) or "." not in path.rpartition("/")[2].lstrip(".")
    return "text/plain; charset=utf-8" if is_text else "application/octet-stream"


def _content_headers(request: Request, commit: Commit, entry: Entry) -> dict[str, str]:
    name = quote(entry.path.rpartition("/")[2], safe="")
    disposition = "attachment" if flag(request.query_params.get("download")) else "inline"
    fixed = param(request, "revision") == commit.oid
    headers = {
        "ETag": f'"{entry.etag}"',
        "X-Repo-Commit": commit.oid,
        "Content-Security-Policy": _CONTENT_POLICY,
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{name}",
        "Cache-Control": "private, max-age=31536000, immutable" if fixed else "no-cache",
    }
    if entry.is_lfs:
        headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(entry.size)}
    return headers


def _tree_items(
    snapshot: Snapshot, repo: Repo, entries: Sequence[Entry], *, expand: bool
) -> dict[str, dict[str, Any]]:
    seqs = {entry.added for entry in entries}
    return tree_payload(entries, snapshot.commits_by_seq(repo, seqs) if expand else None)


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
