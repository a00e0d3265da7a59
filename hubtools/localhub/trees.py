"""The tree of a commit: applying operations to it, and the ids that git gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from hubtools.localhub.errors import BadRequestError, EntryNotFoundError
from hubtools.localhub.names import check_path
from hubtools.localhub.objects import git_oid, lfs_pointer
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
    """The tree that a new commit makes of the one at `head`; see `Store.commit` for its errors."""
    old = {entry.path: entry for entry in before}
    after = dict(old)
    for operation in new.operations:
        _apply(after, operation, snapshot, head)
    for path in after:
        for folder in folders_of(path):
            if folder in after:
                raise BadRequestError(
                    f"{folder!r} would be both a file and the folder of {path!r}",
                    fix="Delete one of them in the same commit",
                )
    written = tuple(e for p, e in after.items() if p not in old or old[p].oid != e.oid)
    changed = {entry.path for entry in written}
    removed = tuple(path for path in old if path not in after or path in changed)
    return TreeChange(after, written, removed)


def folders_of(path: str) -> list[str]:
    """The folders that a path is in, outermost first."""
    return [path[:end] for end, character in enumerate(path) if character == "/"]


def last_changes(entries: Iterable[Entry]) -> dict[str, int]:
    """For each file and folder, the seq of the commit that last changed it."""
    changed: dict[str, int] = {}
    for entry in entries:
        for path in (entry.path, *folders_of(entry.path)):
            changed[path] = max(changed.get(path, 0), entry.added)
    return changed


def tree_oids(entries: Iterable[Entry]) -> dict[str, str]:
    """The git tree id of each folder of these files; the root is ''."""
    children: dict[str, list[tuple[str, str, str]]] = {"": []}
    for entry in entries:
        for folder in folders_of(entry.path):
            children.setdefault(folder, [])
        folder, _, name = entry.path.rpartition("/")
        children[folder].append((name, "100644", entry.oid))
    oids: dict[str, str] = {}
    for folder in sorted(children, key=len, reverse=True):  # each before the one it is in
        oids[folder] = _tree_oid(children[folder])
        if folder:
            parent, _, name = folder.rpartition("/")
            children[parent].append((name, "40000", oids[folder]))
    return oids


def commit_oid(tree: str, parent: str | None, time: str, author: str, text: str) -> str:
    """The git commit id; `time` is ISO 8601."""
    stamp = f"{author} <{author}@localhost> {int(datetime.fromisoformat(time).timestamp())} +0000"
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
    lines += [f"author {stamp}", f"committer {stamp}", "", text]
    return git_oid("commit", "\n".join(lines).encode())


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
            oid, pointer_size = lfs_pointer(sha256, size)
            tree[path] = Entry(path, oid, sha256, size, pointer_size, seq)
        case DeleteFile() | DeleteFolder():
            is_folder = isinstance(operation, DeleteFolder)
            doomed = [p for p in tree if (p.startswith(f"{path}/") if is_folder else p == path)]
            if not doomed:
                raise EntryNotFoundError(path, head.oid if head else "")
            for file in doomed:
                del tree[file]


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


def _tree_oid(children: list[tuple[str, str, str]]) -> str:
    def order(child: tuple[str, str, str]) -> bytes:
        return child[0].encode() + (b"/" if child[1] == "40000" else b"")

    return git_oid(
        "tree",
        b"".join(
            f"{mode} {name}\0".encode() + bytes.fromhex(oid)
            for name, mode, oid in sorted(children, key=order)
        ),
    )
