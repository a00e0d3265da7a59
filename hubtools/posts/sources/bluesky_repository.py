"""A Bluesky repository as a file (`com.atproto.sync.getRepo`): a CAR with one account's records.

https://atproto.com/specs/repository: the root is a commit that names the account's DID and the
root of a Merkle search tree; its nodes list each record by collection and key, in order. Records
that the tree does not list were deleted and are not read, even if their blocks are still there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import PostRecord, RecordSource, select_account
from hubtools.posts.formats.bluesky_records import POSTS, REPOSTS, record_post, record_repost
from hubtools.posts.formats.car import Car
from hubtools.posts.formats.container import Container, FileContainer
from hubtools.posts.formats.values import encodable, mapping, text_or_none
from hubtools.posts.options import ReadOptions
from hubtools.posts.optout import PREFERENCE, refuse_opted_out
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.source import FileSource

_PROFILE = "app.bsky.actor.profile"
_HEADER = (b"eroots", b"gversion")
_CHUNK = 1 << 20


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a file that starts with a CAR's header."""
    if not isinstance(container, FileContainer):
        return False
    with container.open(container.names[0]) as stream:
        start = stream.read(128)
    return all(key in start for key in _HEADER) and b"\xa2" in start[:8]


def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The posts and reposts that the tree lists; a note counts those the file lacks.

    Raises SourceError with the byte, PolicyError for an opt-out.
    """
    digest = hashlib.sha256()
    with container.open(container.names[0]) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    opened = partial(_opened, container)
    account, missing = _survey(opened, container.where(container.names[0]))
    notes = (f"The file lacks {missing:,} records or parts of the tree.",) if missing else ()
    records = partial(_records, opened)
    source = RecordSource(path, digest.hexdigest(), records, notes, account, close=container.close)
    return select_account(source, options)


@contextmanager
def _opened(container: Container) -> Iterator[tuple[Car, str, bytes]]:
    """The blocks, the account's DID and the root of its tree."""
    name = container.names[0]
    with container.open(name) as stream:
        car = Car(stream, container.where(name))
        root = car.roots[0] if isinstance(car.roots, list) and car.roots else None
        commit = car.block(root) if isinstance(root, bytes) and root in car else None
        data = commit.get("data") if isinstance(commit, dict) else None
        if not isinstance(commit, dict) or not isinstance(data, bytes):
            raise SourceError(
                "has no commit",
                where=container.where(name),
                fix="Export the repository again",
            )
        yield car, encodable(str(commit.get("did"))), data


_Opened = Callable[[], Any]


def _survey(opened: _Opened, where: str) -> tuple[Account, int]:
    """Whose posts they are, and how many nodes and records of the tree the file lacks."""
    name, missing = None, 0
    with opened() as (car, _, data):
        for path, cid in _walk(car, data):
            collection = path.partition("/")[0]
            if cid is None or cid not in car:
                missing += cid is None or collection in (POSTS, REPOSTS, _PROFILE, PREFERENCE)
            elif collection in (_PROFILE, PREFERENCE):
                record = mapping(car.block(cid))
                refuse_opted_out(record, f"{where}: {path}")
                if path == f"{_PROFILE}/self":
                    name = text_or_none(record.get("displayName"))
    return Account("bluesky", name=name), missing


def _records(opened: _Opened) -> Iterator[PostRecord]:
    with opened() as (car, did, data):
        for path, cid in _walk(car, data):
            collection, _, key = path.partition("/")
            if collection not in (POSTS, REPOSTS) or cid is None or cid not in car:
                continue
            record = car.block(cid)
            if not isinstance(record, dict):
                continue
            if collection == REPOSTS:
                post = record_repost(key, record)
            else:
                post = record_post(key, record, did)
            yield PostRecord(post, None, "bluesky", path)


def _walk(car: Car, root: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Each record's path and CID in the tree's order; a missing node comes as None."""
    seen: set[bytes] = set()
    stack: list[tuple[str, bytes, bool]] = [("", root, True)]
    while stack:
        path, cid, is_node = stack.pop()
        if not is_node:
            yield path, cid
        elif cid not in car:
            yield "", None
        elif cid not in seen:
            seen.add(cid)
            stack += reversed(list(_entries(car.block(cid))))


def _entries(node: Any) -> Iterator[tuple[str, bytes, bool]]:
    """A node's subtrees and records in order; keys omit the prefix shared with the previous one."""
    node = mapping(node)
    if isinstance(node.get("l"), bytes):
        yield "", node["l"], True
    key = b""
    entries = node.get("e")
    for entry in entries if isinstance(entries, list) else []:
        entry = mapping(entry)
        shared, rest = entry.get("p"), entry.get("k")
        if isinstance(shared, int) and isinstance(rest, bytes) and shared >= 0:
            key = key[:shared] + rest
            if isinstance(entry.get("v"), bytes):
                yield key.decode("utf-8", "replace"), entry["v"], False
        if isinstance(entry.get("t"), bytes):
            yield "", entry["t"], True


SOURCE = FileSource(
    name="bluesky-repository",
    description="a repository from Bluesky (.car)",
    recognize=recognize,
    read=read,
    order=50,
)
