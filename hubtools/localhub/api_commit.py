"""Writing to a repository over HTTP: pre-upload, LFS, commit."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct
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
    param,
    parse_json,
    repo_id_of,
)
from hubtools.localhub.names import MAX_REGULAR, belongs_to_lfs, check_path
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
_Size: TypeAlias = Annotated[int, Meta(ge=0)]  # bytes


class _AnnouncedFile(Struct):
    path: str
    size: _Size


class _Preupload(Struct):
    files: list[_AnnouncedFile]


class _LfsObject(Struct):
    oid: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    size: _Size


class _LfsBatch(Struct):
    operation: str
    objects: list[_LfsObject]


class _LineValue(Struct, rename="camel"):
    """What the lines of a commit hold; each kind has some of it."""

    summary: str | None = None
    description: str | None = None
    parent_commit: str | None = None
    path: str = ""
    content: str = ""
    encoding: str = "utf-8"
    oid: str = ""
    size: _Size | None = None


class _CommitLine(Struct):
    key: Literal["header", "file", "lfsFile", "deletedFile", "deletedFolder"]
    value: _LineValue


@json_endpoint(_Preupload)
def preupload(request: Request, body: _Preupload) -> Response:
    repo_id = check_write(request, repo_id_of(request))
    with context_of(request).store.snapshot() as snapshot:
        repo = snapshot.repo(repo_id)
        tree = snapshot.tree(repo, snapshot.commit(repo, param(request, "revision")))
    present = {entry.path: entry for entry in tree}
    files = []
    for file in body.files:
        path = check_path(file.path)
        is_lfs, entry = belongs_to_lfs(path, file.size), present.get(path)
        mode = "lfs" if is_lfs else "regular"
        item: dict[str, Any] = {"path": path, "uploadMode": mode, "shouldIgnore": False}
        if entry is not None and entry.is_lfs == is_lfs:
            item["oid"] = entry.etag
        files.append(item)
    return JsonResponse({"files": files})


@json_endpoint(_LfsBatch)
def lfs_batch(request: Request, body: _LfsBatch) -> Response:
    repo_id, store = check_write(request, repo_id_of(request)), context_of(request).store
    if body.operation != "upload":
        raise BadRequestError("only uploads go through LFS", fix="Download from /resolve/")
    with store.snapshot() as snapshot:
        snapshot.repo(repo_id)
    present = store.claim(wanted.oid for wanted in body.objects)
    objects = [_batch_item(request, item, present.get(item.oid)) for item in body.objects]
    batch = {"transfer": "basic", "objects": objects, "hash_algo": "sha256"}
    return JsonResponse(batch, media_type="application/vnd.git-lfs+json")


def _batch_item(request: Request, wanted: _LfsObject, present: int | None) -> dict[str, Any]:
    item: dict[str, Any] = {"oid": wanted.oid, "size": wanted.size}
    if present == wanted.size:
        return item
    if present is not None:
        message = f"this object has {present} bytes"
        return item | {"error": {"code": 422, "message": message}}
    base, repo = str(request.base_url), repo_id_of(request)
    signature = _signature(context_of(request), wanted.oid, wanted.size)
    upload = {"href": f"{base}-/lfs/{wanted.oid}?size={wanted.size}&signature={signature}"}
    verify = {"href": f"{base}{repo}.git/info/lfs/objects/verify"}
    return item | {"actions": {"upload": upload, "verify": verify}}


async def lfs_upload(request: Request) -> Response:
    """PUT /-/lfs/{oid}, at an address from the batch endpoint"""
    context, oid = context_of(request), param(request, "oid")
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


@json_endpoint(_LfsObject)
def lfs_verify(request: Request, body: _LfsObject) -> Response:
    check_write(request, repo_id_of(request))
    with context_of(request).store.snapshot() as snapshot:
        if snapshot.object_size(body.oid) != body.size:
            raise EntryNotFoundError(f"LFS object {body.oid}", "")
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
    header: _LineValue | None = None
    operations: list[Operation] = []
    async for text in _lines(request.stream()):
        line = parse_json(text, _CommitLine)
        if line.key == "header":
            header = line.value
        else:
            operations.append(await run_in_threadpool(_operation, line, staging))
    if header is None:
        raise BadRequestError("the commit has no header line")
    return NewCommit(
        author=author,
        title=_clean(header.summary or "Update", 500),
        message=_clean(header.description or "", 20_000),
        parent=_clean(header.parent_commit, 64) if header.parent_commit else None,
        operations=tuple(operations),
    )


def _clean(text: str, limit: int) -> str:
    """At most `limit` characters of a text, without what UTF-8 cannot encode."""
    return text[:limit].encode("utf-8", "replace").decode()


def _operation(line: _CommitLine, staging: Staging) -> Operation:
    value = line.value
    path = check_path(value.path.removesuffix("/"))
    match line.key:
        case "file":
            content = _content(path, value)
            with writing(staging.folder):
                return AddFile(path, staging.add(content))
        case "lfsFile":
            return AddLfsFile(path, value.oid, value.size)
        case "deletedFile":
            return DeleteFile(path)
        case _:
            return DeleteFolder(path)


def _content(path: str, value: _LineValue) -> bytes:
    data = value.content.encode("utf-8", "replace")
    if value.encoding == "base64":
        try:
            data = base64.b64decode(data, validate=True)
        except ValueError as error:
            raise BadRequestError("the content is not base64", where=path) from error
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


def _signature(context: HubContext, oid: str, size: int) -> str:
    return hmac.new(context.upload_key, f"{oid}:{size}".encode(), hashlib.sha256).hexdigest()
