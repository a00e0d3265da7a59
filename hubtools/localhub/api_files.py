"""Reading a repository's files over HTTP: tree, paths-info, history, contents."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hubtools.localhub.api_repos import page_size
from hubtools.localhub.errors import BadRequestError, EntryNotFoundError, GatedRepoError
from hubtools.localhub.http import (
    JsonResponse,
    context_of,
    is_signed_in,
    json_body,
    next_link,
    param,
    repo_id_of,
)
from hubtools.localhub.payloads import commit_payload, tree_payload
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.types import Commit, Entry, Repo

_TREE_PAGE, _EXPANDED_TREE_PAGE, _COMMITS_PAGE = 1000, 50, 100
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_TEXT = (".md", ".json", ".jsonl", ".txt", ".py", ".yaml", ".yml", ".toml", ".csv", ".html")
# Contents come from anyone and share the pages' origin: nothing in them may run.
_CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def tree(request: Request) -> Response:
    """GET /api/models/{id}/tree/{revision}[/{path}]"""
    asked = request.query_params
    recursive, expand = _flag(asked.get("recursive")), _flag(asked.get("expand"))
    folder = param(request, "path").strip("/")
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        repo = snapshot.repo(repo_id_of(request))
        commit = snapshot.commit(repo, param(request, "revision"))
        items = _tree_items(snapshot, repo, snapshot.tree(repo, commit), expand=expand)
    start = f"{folder}/" if folder else ""
    if folder and items.get(folder, {}).get("type") != "directory":
        raise EntryNotFoundError(folder, commit.oid)
    inside = (path for path in items if path.startswith(start))
    paths = [p for p in inside if recursive or "/" not in p[len(start) :]]
    after = asked.get("cursor", "")
    size = page_size(request, _EXPANDED_TREE_PAGE if expand else _TREE_PAGE)
    page = [path for path in paths if path > after][: size + 1]
    link = next_link(request, {"cursor": page[size - 1]}) if len(page) > size else {}
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
            paths, expand = form.getlist("paths"), _flag(str(form.get("expand", "")))
    found = await run_in_threadpool(_paths_info, request, [str(p) for p in paths], expand=expand)
    return JsonResponse(found)


def _paths_info(request: Request, paths: Sequence[str], *, expand: bool) -> list[dict[str, Any]]:
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        repo = snapshot.repo(repo_id_of(request))
        commit = snapshot.commit(repo, param(request, "revision"))
        items = _tree_items(snapshot, repo, snapshot.tree(repo, commit), expand=expand)
    return [items[path] for path in dict.fromkeys(paths) if path in items]


def commits(request: Request) -> Response:
    """GET /api/models/{id}/commits/{revision}"""
    size = page_size(request, _COMMITS_PAGE)
    with context_of(request).store.snapshot(private=is_signed_in(request)) as snapshot:
        repo = snapshot.repo(repo_id_of(request))
        start = snapshot.commit(
            repo, request.query_params.get("cursor") or param(request, "revision")
        )
        found = snapshot.commits(repo, start.seq, size + 1)
    link = next_link(request, {"cursor": found[size].oid}) if len(found) > size else {}
    return JsonResponse([commit_payload(commit) for commit in found[:size]], headers=link)


def resolve(request: Request) -> Response:
    """GET and HEAD /{id}/resolve/{revision}/{path}"""
    store = context_of(request).store
    path = param(request, "path")
    with store.snapshot(private=is_signed_in(request)) as snapshot:
        repo = snapshot.repo(repo_id_of(request))
        if repo.gated and not is_signed_in(request):
            raise GatedRepoError(str(repo.id))
        commit = snapshot.commit(repo, param(request, "revision"))
        entry = snapshot.entry(repo, commit, path)
    headers = _content_headers(request, commit, entry)
    if _is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        store.objects.path(entry.sha256), headers=headers, media_type=media_type(path)
    )


def media_type(path: str) -> str:
    """What a browser is told of a file: pictures are shown, text is text, the rest is bytes."""
    kind, _ = mimetypes.guess_type(path)
    if kind in _SHOWN:
        return kind
    is_text = path.endswith(_TEXT) or "." not in path.rpartition("/")[2].lstrip(".")
    return "text/plain; charset=utf-8" if is_text else "application/octet-stream"


def _content_headers(request: Request, commit: Commit, entry: Entry) -> dict[str, str]:
    tag = entry.oid if entry.pointer_size is None else entry.sha256
    name = quote(entry.path.rpartition("/")[2], safe="")
    how = "attachment" if _flag(request.query_params.get("download")) else "inline"
    fixed = param(request, "revision") == commit.oid
    headers = {
        "ETag": f'"{tag}"',
        "X-Repo-Commit": commit.oid,
        "Content-Security-Policy": _CONTENT_POLICY,
        "Content-Disposition": f"{how}; filename*=UTF-8''{name}",
        "Cache-Control": "private, max-age=31536000, immutable" if fixed else "no-cache",
    }
    if entry.pointer_size is not None:
        headers |= {"X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(entry.size)}
    return headers


def _tree_items(
    snapshot: Snapshot, repo: Repo, entries: Sequence[Entry], *, expand: bool
) -> dict[str, dict[str, Any]]:
    last = snapshot.commits_by_seq(repo, _seqs(entries)) if expand else None
    return tree_payload(entries, last)


def _seqs(entries: Iterable[Entry]) -> Iterable[int]:
    return {entry.added for entry in entries}


def _is_known(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags


def _flag(text: str | None) -> bool:
    return text is not None and text.lower() in ("true", "1")
