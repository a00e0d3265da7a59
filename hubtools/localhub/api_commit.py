"""Writing to a repository over HTTP: pre-upload, LFS, commit."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtools.core.files import writing
from hubtools.localhub.errors import (
    BadRequestError,
    EntryNotFoundError,
    ForbiddenError,
    RevisionNotFoundError,
    TooLargeError,
    WrongContentError,
)
from hubtools.localhub.http import (
    HubContext,
    JsonResponse,
    check_write,
    context_of,
    json_endpoint,
    json_object,
    param,
    repo_id_of,
)
from hubtools.localhub.names import (
    MAX_REGULAR,
    belongs_to_lfs,
    check_path,
    check_sha256,
    clean_text,
)
from hubtools.localhub.objects import ContentWriter, Staging
from hubtools.localhub.types import (
    AddFile,
    AddLfsFile,
    DeleteFile,
    DeleteFolder,
    NewCommit,
    Operation,
)

_CHUNK = 1 << 20  # bytes that are written to the disk at once
_MAX_LINE = MAX_REGULAR * 4 // 3 + (64 << 10)  # a regular file in base64, and its keys


@json_endpoint
def preupload(request: Request, body: dict[str, Any]) -> Response:
    """POST /api/models/{id}/preupload/{revision}"""
    repo_id = check_write(request, repo_id_of(request))
    with context_of(request).store.snapshot() as snapshot:
        repo = snapshot.repo(repo_id)
        tree = snapshot.tree(repo, snapshot.commit(repo, param(request, "revision")))
    present = {entry.path: entry for entry in tree}
    files = []
    for file in _objects(body, "files"):
        path = check_path(file.get("path"))
        is_lfs, entry = belongs_to_lfs(path, _size(file)), present.get(path)
        mode = "lfs" if is_lfs else "regular"
        item: dict[str, Any] = {"path": path, "uploadMode": mode, "shouldIgnore": False}
        if entry is not None and entry.is_lfs == is_lfs:
            item["oid"] = entry.etag
        files.append(item)
    return JsonResponse({"files": files})


@json_endpoint
def lfs_batch(request: Request, body: dict[str, Any]) -> Response:
    """POST /{id}.git/info/lfs/objects/batch"""
    repo_id, store = check_write(request, repo_id_of(request)), context_of(request).store
    if body.get("operation") != "upload":
        raise BadRequestError("only uploads go through LFS", fix="Download from /resolve/")
    wanted = [(check_sha256(o.get("oid")), _size(o)) for o in _objects(body, "objects")]
    with store.snapshot() as snapshot:
        snapshot.repo(repo_id)
    present = store.claim(oid for oid, _ in wanted)
    objects = [_lfs_object(request, oid, size, present.get(oid)) for oid, size in wanted]
    batch = {"transfer": "basic", "objects": objects, "hash_algo": "sha256"}
    return JsonResponse(batch, media_type="application/vnd.git-lfs+json")


def _lfs_object(request: Request, oid: str, size: int, present: int | None) -> dict[str, Any]:
    item: dict[str, Any] = {"oid": oid, "size": size}
    if present == size:
        return item
    if present is not None:
        message = f"this object has {present} bytes"
        return item | {"error": {"code": 422, "message": message}}
    base, repo = str(request.base_url), repo_id_of(request)
    signature = _signature(context_of(request), oid, size)
    upload = {"href": f"{base}-/lfs/{oid}?size={size}&signature={signature}"}
    verify = {"href": f"{base}{repo}.git/info/lfs/objects/verify"}
    return item | {"actions": {"upload": upload, "verify": verify}}


async def lfs_upload(request: Request) -> Response:
    """PUT /-/lfs/{oid}, at an address from the batch endpoint"""
    context, oid = context_of(request), check_sha256(param(request, "oid"))
    size = request.query_params.get("size", "")
    signature = request.query_params.get("signature", "")
    expected = _signature(context, oid, int(size)) if size.isdecimal() and size.isascii() else ""
    if not expected or not hmac.compare_digest(signature.encode(), expected.encode()):
        raise ForbiddenError(
            "the upload address is invalid or expired", fix="Request the batch again"
        )
    with ExitStack() as stack:
        with writing(context.store.root):
            staging = stack.enter_context(context.store.objects.staging())
            writer = stack.enter_context(staging.writer())
        await _receive(request, writer, int(size))
        staged = await run_in_threadpool(writer.finish)
        if (staged.sha256, staged.size) != (oid, int(size)):
            raise WrongContentError(
                f"received {staged.size} bytes with the SHA-256 {staged.sha256}",
                where=f"LFS object {oid} of {size} bytes",
                fix="Upload it again",
            )
        await run_in_threadpool(context.store.keep, staged)
    return Response(status_code=200)


async def _receive(request: Request, writer: ContentWriter, limit: int) -> None:
    buffer = bytearray()
    received = 0
    async for chunk in request.stream():
        buffer += chunk
        received += len(chunk)
        if received > limit:
            raise WrongContentError(f"received more than the announced {limit} bytes")
        if len(buffer) >= _CHUNK:
            await run_in_threadpool(_write, writer, bytes(buffer))
            buffer.clear()
    await run_in_threadpool(_write, writer, bytes(buffer))


def _write(writer: ContentWriter, data: bytes) -> None:
    with writing(writer.path):
        writer.write(data)


@json_endpoint
def lfs_verify(request: Request, body: dict[str, Any]) -> Response:
    """POST /{id}.git/info/lfs/objects/verify"""
    check_write(request, repo_id_of(request))
    oid, size = check_sha256(body.get("oid")), _size(body)
    with context_of(request).store.snapshot() as snapshot:
        if snapshot.object_size(oid) != size:
            raise EntryNotFoundError(f"LFS object {oid}", "")
    return JsonResponse({})


async def commit(request: Request) -> Response:
    """POST /api/models/{id}/commit/{revision}, NDJSON"""
    context, repo_id = context_of(request), check_write(request, repo_id_of(request))
    if request.query_params.get("create_pr"):
        raise BadRequestError("this Hub has no pull requests", fix="Commit to main")
    if param(request, "revision") not in ("main", "refs/heads/main"):
        raise RevisionNotFoundError("this Hub has no branch but main", fix="Commit to main")
    with ExitStack() as stack:
        with writing(context.store.root):
            staging = stack.enter_context(context.store.objects.staging())
        new = await _read_commit(request, staging, context.access.user)
        made = await run_in_threadpool(context.store.commit, repo_id, new)
    url = f"{request.base_url}{repo_id}/commit/{made.oid}"
    return JsonResponse({"success": True, "commitOid": made.oid, "commitUrl": url})


async def _read_commit(request: Request, staging: Staging, author: str) -> NewCommit:
    header: Mapping[str, Any] | None = None
    operations: list[Operation] = []
    async for line in _lines(request.stream()):
        key, value = _keyed(line)
        if key == "header":
            header = value
        else:
            operations.append(await run_in_threadpool(_operation, key, value, staging))
    if header is None:
        raise BadRequestError("the commit has no header line")
    parent = header.get("parentCommit")
    return NewCommit(
        author=author,
        title=clean_text(header.get("summary") or "Update", 500),
        message=clean_text(header.get("description") or "", 20_000),
        parent=clean_text(parent, 64) if parent else None,
        operations=tuple(operations),
    )


def _keyed(line: bytes) -> tuple[str, Mapping[str, Any]]:
    data = json_object(line)
    key, value = data.get("key"), data.get("value")
    if not isinstance(key, str) or not isinstance(value, dict):
        raise BadRequestError("a line of the commit lacks a key or a value")
    return key, value


def _operation(key: str, value: Mapping[str, Any], staging: Staging) -> Operation:
    path = check_path(str(value.get("path", "")).removesuffix("/"))
    match key:
        case "file":
            content = _content(path, value)
            with writing(staging.folder):
                return AddFile(path, staging.add(content))
        case "lfsFile":
            size = value.get("size")
            return AddLfsFile(
                path, check_sha256(value.get("oid")), None if size is None else _size(value)
            )
        case "deletedFile":
            return DeleteFile(path)
        case "deletedFolder":
            return DeleteFolder(path)
        case _:
            raise BadRequestError(f"unknown operation {key[:60]!r}")


def _content(path: str, value: Mapping[str, Any]) -> bytes:
    content = str(value.get("content", ""))
    if value.get("encoding", "utf-8") == "base64":
        try:
            data = base64.b64decode(content, validate=True)
        except ValueError as error:
            raise BadRequestError("the content is not base64", where=path) from error
    else:
        data = content.encode("utf-8", "replace")
    if len(data) > MAX_REGULAR:
        raise TooLargeError(
            f"regular files are limited to {MAX_REGULAR >> 20} MiB", where=path, fix="Use LFS"
        )
    return data


async def _lines(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for chunk in stream:
        searched = len(buffer)
        buffer += chunk
        while (end := buffer.find(b"\n", searched)) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            searched = 0
            if line.strip():
                yield line
        if len(buffer) > _MAX_LINE:
            raise TooLargeError("a line of the commit is too long", fix="Use LFS for large files")
    if buffer.strip():
        yield bytes(buffer)


def _objects(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = body.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadRequestError(f"{key} must be a list of objects")
    return items


def _size(item: Mapping[str, Any]) -> int:
    size = item.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadRequestError("size must be a number of bytes")
    return size


def _signature(context: HubContext, oid: str, size: int) -> str:
    return hmac.new(context.upload_key, f"{oid}:{size}".encode(), hashlib.sha256).hexdigest()
