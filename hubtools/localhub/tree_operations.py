"""Applying a commit's operations to a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubtools.localhub.errors import BadRequestError, EntryNotFoundError
from hubtools.localhub.names import check_path
from hubtools.localhub.objects import lfs_pointer
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.types import (
    AddFile,
    AddLfsFile,
    Commit,
    DeleteFile,
    DeleteFolder,
    Entry,
    NewCommit,
    Operation,
)


@dataclass(frozen=True, slots=True)
class TreeChange:
    """The tree after a commit, and how it differs from the one before."""

    after: Mapping[str, Entry]
    written: tuple[Entry, ...]
    removed: tuple[str, ...]


def apply_operations(
    snapshot: Snapshot, head: Commit | None, before: Iterable[Entry], new: NewCommit
) -> TreeChange:
    """The tree that a new commit makes of the one at `head`.

    Raises EntryNotFoundError for deleting what is not there, and BadRequestError for an LFS
    content that was not uploaded or a path that would be both a file and a folder.
    """
    old = {entry.path: entry for entry in before}
    after = dict(old)
    for operation in new.operations:
        _apply(after, operation, snapshot, head)
    _check_layout(after)
    written = tuple(e for p, e in after.items() if p not in old or old[p].oid != e.oid)
    changed = {entry.path for entry in written}
    removed = tuple(path for path in old if path not in after or path in changed)
    return TreeChange(after, written, removed)


def _apply(
    tree: dict[str, Entry], operation: Operation, snapshot: Snapshot, head: Commit | None
) -> None:
    path = check_path(operation.path.rstrip("/"))
    seq = head.seq + 1 if head else 1
    match operation:
        case AddFile(content=content):
            tree[path] = Entry(path, content.oid, content.sha256, content.size, None, seq)
        case AddLfsFile(sha256=sha256):
            size = _uploaded_size(snapshot, operation)
            tree[path] = Entry(path, *_lfs_entry(sha256, size), seq)
        case DeleteFile():
            _delete(tree, [path] if path in tree else [], path, head)
        case DeleteFolder():
            _delete(tree, [p for p in tree if p.startswith(f"{path}/")], path, head)


def _lfs_entry(sha256: str, size: int) -> tuple[str, str, int, int]:
    oid, pointer_size = lfs_pointer(sha256, size)
    return oid, sha256, size, pointer_size


def _uploaded_size(snapshot: Snapshot, operation: AddLfsFile) -> int:
    size = snapshot.object_size(operation.sha256)
    if size is None or operation.size not in (None, size):
        raise BadRequestError(
            f"the LFS object {operation.sha256} was not uploaded"
            if size is None
            else f"the LFS object {operation.sha256} has {size} bytes, not {operation.size}",
            where=operation.path,
            fix="Upload it through the LFS batch endpoint and commit again",
        )
    return size


def _delete(tree: dict[str, Entry], paths: list[str], target: str, head: Commit | None) -> None:
    if not paths:
        raise EntryNotFoundError(target, head.oid if head else "")
    for path in paths:
        del tree[path]


def _check_layout(tree: Mapping[str, Entry]) -> None:
    for path in tree:
        folder = path.rpartition("/")[0]
        while folder:
            if folder in tree:
                raise BadRequestError(
                    f"{folder!r} would be both a file and the folder of {path!r}",
                    fix="Delete one of them in the same commit",
                )
            folder = folder.rpartition("/")[0]
