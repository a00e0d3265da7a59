"""Whole repositories over HTTP: who am I, create, delete, move, settings, list, info."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from hubtools.cards.frontmatter import split_front_matter
from hubtools.core.errors import CardError
from hubtools.localhub.errors import (
    BadRequestError,
    RepoExistsError,
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

_FIELDS: Mapping[str, Callable[[Repo], Any]] = {
    "author": lambda repo: repo.id.owner,
    "cardData": lambda repo: repo.card.data,
    "createdAt": lambda repo: repo.created,
    "disabled": lambda repo: False,
    **dict.fromkeys(("downloads", "downloadsAllTime", "likes", "trendingScore"), lambda repo: 0),
    "gated": lambda repo: repo.gated or False,
    "lastModified": lambda repo: repo.modified,
    "library_name": lambda repo: repo.card.library_name,
    "pipeline_tag": lambda repo: repo.card.pipeline_tag,
    "private": lambda repo: repo.private,
    "sdk": lambda repo: repo.card.data.get("sdk"),
    "sha": lambda repo: repo.head,
    "spaces": lambda repo: [],
    "tags": lambda repo: list(repo.card.tags),
}
_CARD_FIELDS = frozenset({"cardData", "library_name", "pipeline_tag", "sdk", "tags"})
_FILE_FIELDS = frozenset({"siblings", "usedStorage"})
_UNSUPPORTED_TEXT = """
baseModels childrenModelCount config evalResults gguf inference inferenceProviderMapping
datasets mask_token model-index models resourceGroup runtime safetensors subdomain transformersInfo
widgetData xetEnabled
"""
_UNSUPPORTED = frozenset(_UNSUPPORTED_TEXT.split())
_LISTED = frozenset({"createdAt", "downloads", "library_name", "likes", "pipeline_tag"}) | {
    "private",
    "tags",
    "trendingScore",
}
_FULL = _LISTED | {"author", "disabled", "gated", "lastModified", "sha", "siblings"}
_INFO = _FULL | {"cardData", "sdk", "spaces", "usedStorage"}
_MODEL_FIELDS = frozenset(
    {"downloads", "downloadsAllTime", "library_name", "pipeline_tag", "spaces"}
)


class _SettingsBody(Struct, kw_only=True):
    private: bool | None = None
    visibility: Literal["public", "private"] | None = None
    gated: bool | Literal["auto", "manual"] | UnsetType | None = UNSET


class _RepoBody(_SettingsBody, kw_only=True):
    name: str
    organization: str | None = None
    type: str | None = None
    sdk: str | None = None


class _MoveBody(Struct, rename="camel"):
    from_repo: str
    to_repo: str
    type: str | None = None


class _ReadmeBody(Struct):
    content: str = ""


def whoami(request: Request) -> Response:
    role = role_of(request)
    if role is None:
        raise UnauthorizedError("Invalid username or password.")
    access = context_of(request).access
    user = dict.fromkeys(("id", "name", "fullname"), access.user)
    orgs = [dict.fromkeys(("id", "name", "fullname"), org) for org in access.orgs]
    token = {"displayName": "local", "role": role}
    return JsonResponse(
        {
            **user,
            "type": "user",
            "isPro": False,
            "orgs": [{**org, "type": "org", "roleInOrg": "admin"} for org in orgs],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


@json_endpoint(_RepoBody)
def create(request: Request, body: _RepoBody) -> Response:
    store, user = context_of(request).store, context_of(request).access.user
    repo_id = check_write(request, _repo_id(request, body))
    private = _is_private(body, default=False)
    files = {README: space_readme(repo_id.name, body.sdk)} if repo_id.is_space else {}
    url, name = f"{request.base_url}{repo_id}", f"{repo_id.owner}/{repo_id.name}"
    try:
        store.create(repo_id, author=user, private=private, files=files)
    except RepoExistsError as error:
        return error_response(error, url=url)
    return JsonResponse({"url": url, "name": name, "id": name})


@json_endpoint(_RepoBody)
def delete(request: Request, body: _RepoBody) -> Response:
    repo_id = check_write(request, _repo_id(request, body))
    context_of(request).store.delete(repo_id)
    return JsonResponse({})


@json_endpoint(_MoveBody)
def move(request: Request, body: _MoveBody) -> Response:
    old, new = (
        check_write(request, parse_repo_id(name, kind=body.type))
        for name in (body.from_repo, body.to_repo)
    )
    context_of(request).store.move(old, new)
    return JsonResponse({"url": f"{request.base_url}{new}"})


@json_endpoint(_SettingsBody)
def settings(request: Request, body: _SettingsBody) -> Response:
    store, repo_id = context_of(request).store, check_write(request, repo_id_of(request))
    if body.gated is True:
        raise BadRequestError("gated must be auto, manual or false")
    with store.snapshot() as snapshot:
        repo = snapshot.repo(repo_id)
    private = _is_private(body, default=repo.private)
    gated = repo.gated if body.gated is UNSET else body.gated or None
    repo = store.configure(repo.id, private=private, gated=gated)
    return JsonResponse({"private": repo.private, "gated": repo.gated or False})


def list_repos(request: Request) -> Response:
    params = request.query_params
    default = _FULL if flag(params.get("full")) else _LISTED
    fields = _fields(request, default | {"cardData"} if flag(params.get("cardData")) else default)
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
        cards=not _CARD_FIELDS.isdisjoint(fields),
        spaces=request.scope["path"] == "/api/spaces",
    )
    with snapshot_for(request) as snapshot:
        page = snapshot.page(query)
        listed = page.repos if fields & _FILE_FIELDS else ()
        files = snapshot.head_files(listed)
    items = [_payload(repo, fields, files.get(repo.key, [])) for repo in page.repos]
    return JsonResponse(items, headers=cursor_link(request, page.next))


def repo_info(request: Request) -> Response:
    fields, blobs = _fields(request, _INFO), flag(request.query_params.get("blobs"))
    with repo_for(request) as (snapshot, repo):
        commit = snapshot.commit(repo, param(request, "revision", "main"))
        files = snapshot.tree(repo, commit)
        if commit.seq != repo.seq:
            repo = _as_it_was(context_of(request).store, repo, commit, files)
    return JsonResponse(_payload(repo, fields, files, blobs=blobs))


def refs(request: Request) -> Response:
    with repo_for(request) as (_, repo):
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}
    return JsonResponse({"branches": [main], "converts": [], "tags": [], "pullRequests": []})


@json_endpoint(_ReadmeBody)
def validate_yaml(request: Request, body: _ReadmeBody) -> Response:
    try:
        data, _ = split_front_matter(body.content)
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
    return text is not None and text.lower() in ("true", "1")


def _fields(request: Request, default: frozenset[str]) -> frozenset[str]:
    """The keys that `expand` names, or the default ones. Raises BadRequestError."""
    expand = _values(request, "expand")
    unknown = set(expand) - _FIELDS.keys() - _FILE_FIELDS - _UNSUPPORTED
    if unknown:
        raise BadRequestError(f"expand does not accept {min(unknown)[:60]!r}")
    return frozenset(expand or default) - _UNSUPPORTED


def _payload(
    repo: Repo, fields: frozenset[str], files: Sequence[Entry], *, blobs: bool = False
) -> dict[str, Any]:
    """One repository; keys without a value are left out."""
    payload: dict[str, Any] = {"_id": f"{repo.key:024x}", "id": str(repo.id)}
    if repo.id.is_space:
        payload["id"] = f"{repo.id.owner}/{repo.id.name}"
        fields = fields - _MODEL_FIELDS
    else:
        payload["modelId"] = payload["id"]
    payload |= {name: _FIELDS[name](repo) for name in sorted(_FIELDS.keys() & fields)}
    if "siblings" in fields:
        payload["siblings"] = [_sibling(entry, blobs=blobs) for entry in files]
    if "usedStorage" in fields:
        payload["usedStorage"] = sum(entry.size for entry in files)
    return {key: value for key, value in payload.items() if value is not None}


def _sibling(entry: Entry, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": entry.path}
    payload = {"rfilename": entry.path, "size": entry.size, "blobId": entry.oid}
    return payload | lfs_payload(entry, "sha256")


def lfs_payload(entry: Entry, digest_key: str) -> dict[str, Any]:
    """What Git LFS knows of a file, if it is there."""
    if not entry.is_lfs:
        return {}
    size = {"size": entry.size, "pointerSize": entry.pointer_size}
    return {"lfs": {digest_key: entry.sha256, **size}}


def _as_it_was(store: Store, repo: Repo, commit: Commit, files: list[Entry]) -> Repo:
    readme = next((entry for entry in files if entry.path == README), None)
    card = read_card(store.readme(readme.sha256)) if readme else RepoCard()
    return replace(repo, head=commit.oid, modified=commit.time, card=card)


def _repo_id(request: Request, body: _RepoBody) -> RepoId:
    namespace = body.organization or context_of(request).access.user
    return check_repo_id(namespace, body.name, kind=body.type)


def _is_private(body: _SettingsBody, *, default: bool) -> bool:
    if body.visibility is None:
        return default if body.private is None else body.private
    return body.visibility == "private"


def _values(request: Request, name: str) -> list[str]:
    params = request.query_params
    return [*params.getlist(name), *params.getlist(f"{name}[]")]
