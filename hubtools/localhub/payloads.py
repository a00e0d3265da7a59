"""The JSON that describes repositories, files and commits, with the Hub's own keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from typing import Any

from hubtools.localhub.errors import BadRequestError
from hubtools.localhub.gittree import tree_oids
from hubtools.localhub.types import Commit, Entry, Repo

_FIELDS: Mapping[str, Callable[[Repo], Any]] = {
    "author": lambda repo: repo.id.owner,
    "cardData": lambda repo: repo.card.data,
    "createdAt": lambda repo: repo.created,
    "disabled": lambda repo: False,
    "downloads": lambda repo: 0,
    "downloadsAllTime": lambda repo: 0,
    "gated": lambda repo: repo.gated or False,
    "lastModified": lambda repo: repo.modified,
    "library_name": lambda repo: repo.card.library_name,
    "likes": lambda repo: 0,
    "pipeline_tag": lambda repo: repo.card.pipeline_tag,
    "private": lambda repo: repo.private,
    "sdk": lambda repo: repo.card.data.get("sdk"),
    "sha": lambda repo: repo.head,
    "spaces": lambda repo: [],
    "tags": lambda repo: list(repo.card.tags),
    "trendingScore": lambda repo: 0,
}
_CARD_FIELDS = frozenset({"cardData", "library_name", "pipeline_tag", "sdk", "tags"})
_FILE_FIELDS = frozenset({"siblings", "usedStorage"})
_UNSUPPORTED_TEXT = """
baseModels childrenModelCount config evalResults gguf inference inferenceProviderMapping
datasets mask_token model-index models resourceGroup runtime safetensors subdomain transformersInfo
widgetData xetEnabled
"""
_UNSUPPORTED = frozenset(_UNSUPPORTED_TEXT.split())
_BASIC = frozenset({"createdAt", "downloads", "library_name", "likes", "pipeline_tag"}) | {
    "private",
    "tags",
    "trendingScore",
}
LISTED = _BASIC
FULL = _BASIC | {"author", "disabled", "gated", "lastModified", "sha", "siblings"}
INFO = FULL | {"cardData", "sdk", "spaces", "usedStorage"}
_MODEL_FIELDS = frozenset(
    {"downloads", "downloadsAllTime", "library_name", "pipeline_tag", "spaces"}
)


def requested_fields(expand: Sequence[str], default: Collection[str]) -> frozenset[str]:
    """The keys that `expand` names, or the default ones. Raises BadRequestError."""
    unknown = set(expand) - _FIELDS.keys() - _FILE_FIELDS - _UNSUPPORTED
    if unknown:
        raise BadRequestError(f"expand does not accept {min(unknown)[:60]!r}")
    return frozenset(expand or default) - _UNSUPPORTED


def needs_cards(fields: Collection[str]) -> bool:
    """Whether these keys come from the repositories' cards."""
    return not _CARD_FIELDS.isdisjoint(fields)


def needs_files(fields: Collection[str]) -> bool:
    """Whether these keys come from the list of files."""
    return not _FILE_FIELDS.isdisjoint(fields)


def repo_payload(
    repo: Repo, fields: Collection[str], siblings: Sequence[Mapping[str, Any]], storage: int
) -> dict[str, Any]:
    """One repository; keys without a value are left out."""
    payload: dict[str, Any] = {"_id": f"{repo.key:024x}", "id": str(repo.id)}
    if repo.id.is_space:
        payload["id"] = f"{repo.id.owner}/{repo.id.name}"
        fields = frozenset(fields) - _MODEL_FIELDS
    else:
        payload["modelId"] = payload["id"]
    payload |= {name: _FIELDS[name](repo) for name in sorted(_FIELDS.keys() & fields)}
    if "siblings" in fields:
        payload["siblings"] = list(siblings)
    if "usedStorage" in fields:
        payload["usedStorage"] = storage
    return {key: value for key, value in payload.items() if value is not None}


def sibling(entry: Entry) -> dict[str, Any]:
    """A file in a list of models."""
    return {"rfilename": entry.path}


def sibling_with_blob(entry: Entry) -> dict[str, Any]:
    """A file in a model's info, when `blobs=true` asks for its size and ids."""
    payload = {"rfilename": entry.path, "size": entry.size, "blobId": entry.oid}
    return payload | _lfs(entry, "sha256")


def tree_payload(
    entries: Sequence[Entry], last: Mapping[int, Commit] | None
) -> dict[str, dict[str, Any]]:
    """Every file and folder of a tree by path, in order.

    With `last`, the commits by seq, each item names the commit that changed it last.
    """
    folders = {path: oid for path, oid in tree_oids(entries).items() if path}
    changed = dict.fromkeys(folders, 0)
    items: dict[str, dict[str, Any]] = {}
    for entry in entries:
        items[entry.path] = file_payload(entry) | _last_commit(last, entry.added)
        parent = entry.path.rpartition("/")[0]
        while parent:
            changed[parent] = max(changed[parent], entry.added)
            parent = parent.rpartition("/")[0]
    for path, oid in folders.items():
        folder = {"type": "directory", "oid": oid, "size": 0, "path": path}
        items[path] = folder | _last_commit(last, changed[path])
    return dict(sorted(items.items()))


def file_payload(entry: Entry) -> dict[str, Any]:
    """A file of a tree."""
    payload = {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
    return payload | _lfs(entry, "oid")


def commit_payload(commit: Commit) -> dict[str, Any]:
    """A commit of a history."""
    return {
        "id": commit.oid,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author}],
        "date": commit.time,
        "formatted": {"title": escape(commit.title), "message": escape(commit.message)},
    }


def _lfs(entry: Entry, digest_key: str) -> dict[str, Any]:
    if not entry.is_lfs:
        return {}
    size = {"size": entry.size, "pointerSize": entry.pointer_size}
    return {"lfs": {digest_key: entry.sha256, **size}}


def _last_commit(last: Mapping[int, Commit] | None, seq: int) -> dict[str, Any]:
    if last is None:
        return {}
    commit = last[seq]
    return {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.time}}
