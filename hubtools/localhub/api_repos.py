"""Whole repositories over HTTP: who am I, create, delete, move, settings, list, info."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hubtools.cards.frontmatter import split_front_matter
from hubtools.core.errors import CardError
from hubtools.localhub.errors import (
    BadRequestError,
    RepoExistsError,
    RepoMovedError,
    RepoNotFoundError,
    UnauthorizedError,
)
from hubtools.localhub.http import (
    JsonResponse,
    check_write,
    context_of,
    cursor_link,
    error_response,
    json_endpoint,
    param,
    repo_for,
    repo_id_of,
    role_of,
    snapshot_for,
)
from hubtools.localhub.names import check_repo_id, parse_repo_id, space_readme
from hubtools.localhub.payloads import (
    FULL,
    INFO,
    LISTED,
    needs_cards,
    needs_files,
    repo_payload,
    requested_fields,
    sibling,
    sibling_with_blob,
)
from hubtools.localhub.readme import read_card
from hubtools.localhub.store import README, Store
from hubtools.localhub.types import Commit, Entry, Query, Repo, RepoCard, RepoId, SortKey

_MAX_PAGE = 1000
_SORTS: Mapping[str, SortKey] = {
    "lastModified": "lastModified",
    "createdAt": "createdAt",
    # Not counted here: all are equal, and the newest comes first.
    "downloads": "createdAt",
    "likes": "createdAt",
    "trendingScore": "createdAt",
}


def whoami(request: Request) -> Response:
    """GET /api/whoami-v2"""
    role = role_of(request)
    if role is None:
        raise UnauthorizedError("Invalid username or password.")
    access = context_of(request).access
    token = {"displayName": "local", "role": role}
    return JsonResponse(
        {
            "type": "user",
            "id": access.user,
            "name": access.user,
            "fullname": access.user,
            "isPro": False,
            "orgs": [
                {"type": "org", "id": org, "name": org, "fullname": org, "roleInOrg": "admin"}
                for org in access.orgs
            ],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


@json_endpoint
def create(request: Request, body: dict[str, Any]) -> Response:
    """POST /api/repos/create"""
    store, user = context_of(request).store, context_of(request).access.user
    repo_id = check_write(request, _repo_id(request, body))
    private = _is_private(body, default=False)
    files = {README: space_readme(repo_id.name, body.get("sdk"))} if repo_id.is_space else {}
    url, name = f"{request.base_url}{repo_id}", f"{repo_id.owner}/{repo_id.name}"
    try:
        store.create(repo_id, author=user, private=private, files=files)
    except RepoExistsError as error:
        return error_response(error, url=url)
    return JsonResponse({"url": url, "name": name, "id": name})


@json_endpoint
def delete(request: Request, body: dict[str, Any]) -> Response:
    """DELETE /api/repos/delete"""
    repo_id = check_write(request, _repo_id(request, body))
    with _current_names_only():
        context_of(request).store.delete(repo_id)
    return JsonResponse({})


@json_endpoint
def move(request: Request, body: dict[str, Any]) -> Response:
    """POST /api/repos/move"""
    old, new = (
        check_write(request, parse_repo_id(body.get(key), kind=body.get("type")))
        for key in ("fromRepo", "toRepo")
    )
    with _current_names_only():
        context_of(request).store.move(old, new)
    return JsonResponse({"url": f"{request.base_url}{new}"})


@json_endpoint
def settings(request: Request, body: dict[str, Any]) -> Response:
    """PUT /api/models/{id}/settings"""
    store, repo_id = context_of(request).store, check_write(request, repo_id_of(request))
    gated = body.get("gated", ...)
    if gated not in (..., False, None, "auto", "manual"):
        raise BadRequestError("gated must be auto, manual or false")
    with store.snapshot() as snapshot:
        repo = snapshot.repo(repo_id)
    private = _is_private(body, default=repo.private)
    gated = repo.gated if gated is ... else gated or None
    repo = store.configure(repo.id, private=private, gated=gated)
    return JsonResponse({"private": repo.private, "gated": repo.gated or False})


def list_repos(request: Request) -> Response:
    """GET /api/models and GET /api/spaces"""
    params = request.query_params
    default = FULL if flag(params.get("full")) else LISTED
    if flag(params.get("cardData")):
        default = default | {"cardData"}
    fields = requested_fields(_values(request, "expand"), default)
    sort = _SORTS.get(params.get("sort", "createdAt"))
    if sort is None:
        raise BadRequestError(f"cannot sort by {params['sort'][:60]!r}")
    query = Query(
        namespace=params.get("author"),
        search=params.get("search"),
        tags=tuple(_values(request, "filter")),
        pipeline_tag=params.get("pipeline_tag"),
        sort=sort,
        limit=page_size(request, _MAX_PAGE),
        after=params.get("cursor"),
        cards=needs_cards(fields),
        spaces=request.scope["path"] == "/api/spaces",
    )
    with snapshot_for(request) as snapshot:
        page = snapshot.page(query)
        files = snapshot.head_files(page.repos) if needs_files(fields) else {}
    items = [_summary(repo, fields, files.get(repo.key, [])) for repo in page.repos]
    return JsonResponse(items, headers=cursor_link(request, page.next))


def repo_info(request: Request) -> Response:
    """GET /api/models/{id} and GET /api/models/{id}/revision/{revision}"""
    store = context_of(request).store
    fields = requested_fields(_values(request, "expand"), INFO)
    with repo_for(request) as (snapshot, repo):
        commit = snapshot.commit(repo, param(request, "revision", "main"))
        files = snapshot.tree(repo, commit)
        if commit.seq != repo.seq:
            repo = _as_it_was(store, repo, commit, files)
    if not flag(request.query_params.get("blobs")):
        return JsonResponse(_summary(repo, fields, files))
    siblings = [sibling_with_blob(entry) for entry in files]
    return JsonResponse(repo_payload(repo, fields, siblings, _storage(files)))


def refs(request: Request) -> Response:
    """GET /api/models/{id}/refs"""
    with repo_for(request) as (_, repo):
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}
    return JsonResponse({"branches": [main], "converts": [], "tags": [], "pullRequests": []})


@json_endpoint
def validate_yaml(request: Request, body: dict[str, Any]) -> Response:
    """POST /api/validate-yaml"""
    try:
        data, _ = split_front_matter(str(body.get("content", "")))
    except (CardError, ValueError, RecursionError) as error:
        return JsonResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
    empty = {"message": "empty or missing yaml metadata in repo card"}
    return JsonResponse({"errors": [], "warnings": [] if data else [empty]})


def page_size(request: Request, largest: int) -> int:
    """The `limit` of a request, at most `largest`. Raises BadRequestError."""
    text = request.query_params.get("limit", str(largest))
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise BadRequestError("limit must be a positive number")
    return min(int(text[:9]), largest)


def flag(text: str | None) -> bool:
    """Whether a query parameter is set."""
    return text is not None and text.lower() in ("true", "1")


def _summary(repo: Repo, fields: frozenset[str], files: list[Entry]) -> dict[str, Any]:
    return repo_payload(repo, fields, [sibling(entry) for entry in files], _storage(files))


def _storage(files: list[Entry]) -> int:
    return sum(entry.size for entry in files)


def _as_it_was(store: Store, repo: Repo, commit: Commit, files: list[Entry]) -> Repo:
    readme = next((entry for entry in files if entry.path == README), None)
    card = read_card(store.readme(readme.sha256)) if readme else RepoCard()
    return replace(repo, head=commit.oid, modified=commit.time, card=card)


@contextmanager
def _current_names_only() -> Iterator[None]:
    """A name in a body cannot be redirected, so an old one is an error."""
    try:
        yield
    except RepoMovedError as error:
        raise RepoNotFoundError(
            f"repository {error.old} not found", fix=f"Use its new name, {error.new}"
        ) from error


def _repo_id(request: Request, body: Mapping[str, Any]) -> RepoId:
    namespace = body.get("organization") or context_of(request).access.user
    return check_repo_id(namespace, body.get("name"), kind=body.get("type"))


def _is_private(body: Mapping[str, Any], *, default: bool) -> bool:
    visibility = body.get("visibility")
    if visibility is None:
        return bool(body.get("private", default))
    if visibility not in ("public", "private"):
        raise BadRequestError("visibility must be public or private")
    return bool(visibility == "private")


def _values(request: Request, name: str) -> list[str]:
    params = request.query_params
    return [*params.getlist(name), *params.getlist(f"{name}[]")]
