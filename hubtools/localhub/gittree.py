"""The ids that git gives to the trees and commits of a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from hubtools.localhub.types import Entry


def tree_oids(entries: Iterable[Entry]) -> dict[str, str]:
    """The git tree id of each folder of these files; the root is ''."""
    folders: dict[str, list[tuple[str, str, str]]] = {"": []}
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        _with_parents(folders, folder).append((name, "100644", entry.oid))
    oids: dict[str, str] = {}
    for folder in sorted(folders, key=lambda path: (-_depth(path), path)):
        oids[folder] = _tree_oid(folders[folder])
        if folder:
            parent, _, name = folder.rpartition("/")
            folders[parent].append((name, "40000", oids[folder]))
    return oids


def commit_oid(tree: str, parent: str | None, time: str, author: str, text: str) -> str:
    """The git commit id; `time` is ISO 8601."""
    stamp = f"{author} <{author}@localhost> {int(datetime.fromisoformat(time).timestamp())} +0000"
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
    lines += [f"author {stamp}", f"committer {stamp}", "", text]
    return _object_oid("commit", "\n".join(lines).encode())


def _with_parents(
    folders: dict[str, list[tuple[str, str, str]]], folder: str
) -> list[tuple[str, str, str]]:
    path = folder
    while path not in folders:
        folders[path] = []
        path = path.rpartition("/")[0]
    return folders[folder]


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _tree_oid(children: list[tuple[str, str, str]]) -> str:
    def order(child: tuple[str, str, str]) -> bytes:
        return child[0].encode() + (b"/" if child[1] == "40000" else b"")

    body = b"".join(
        f"{mode} {name}\0".encode() + bytes.fromhex(oid)
        for name, mode, oid in sorted(children, key=order)
    )
    return _object_oid("tree", body)


def _object_oid(kind: str, body: bytes) -> str:
    return hashlib.sha1(
        b"%s %d\0" % (kind.encode(), len(body)) + body, usedforsecurity=False
    ).hexdigest()
