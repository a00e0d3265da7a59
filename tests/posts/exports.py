"""Exports of networks other than today's X, small and made up."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ACTOR = "https://light.example/users/keeper"
FOLLOWERS = f"{ACTOR}/followers"
WHEN = "2023-04-26T07:09:11Z"


def note(content: str, number: int = 1, to: Any = PUBLIC, cc: Any = (), **fields: Any) -> Any:
    """A `Create` of a Note, as Mastodon exports it."""
    seen_by = {"to": to if isinstance(to, str) else list(to), "cc": list(cc)}
    inner = {
        "id": f"{ACTOR}/statuses/{number}",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": WHEN,
        "content": content,
        **seen_by,
        **fields,
    }
    return {"id": f"{inner['id']}/activity", "type": "Create", "actor": ACTOR, **seen_by} | {
        "object": inner
    }


def announce(number: int = 9, to: str = PUBLIC) -> Any:
    return {
        "id": f"{ACTOR}/statuses/{number}/activity",
        "type": "Announce",
        "actor": ACTOR,
        "published": WHEN,
        "to": [to],
        "cc": [],
        "object": "https://other.example/users/them/statuses/1",
    }


def outbox(*items: Any) -> str:
    said = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "outbox.json",
        "type": "OrderedCollection",
        "totalItems": 999,
        "orderedItems": list(items),
    }
    return json.dumps(said)


def actor(**fields: Any) -> str:
    said = {
        "id": ACTOR,
        "type": "Person",
        "preferredUsername": "keeper",
        "name": "Lamp Keeper",
        "icon": {"type": "Image", "url": "avatar.png"},
    }
    return json.dumps(said | fields)


def write_tar(path: Path, members: Mapping[str, str | bytes], mode: str = "w:gz") -> str:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            body = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return str(path)


DID = "did:plc:keeperkeeperkeeperkeeper"


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def cbor(value: Any) -> bytes:
    """DAG-CBOR of maps, lists, texts, bytes, small numbers and links (`Link`)."""
    from libipld import encode_dag_cbor

    return bytes(encode_dag_cbor(value))


def cid(block: bytes) -> bytes:
    return b"\x01\x71\x12\x20" + hashlib.sha256(block).digest()


def tagged(link: bytes) -> bytes:
    """A CID as CBOR writes it: tag 42 of bytes that start with a zero."""
    return b"\xd8\x2a\x58" + bytes([len(link) + 1]) + b"\0" + link


def text_cbor(text: str) -> bytes:
    body = text.encode()
    assert len(body) < 24
    return bytes([0x60 + len(body)]) + body


def bytes_cbor(data: bytes) -> bytes:
    return b"\x58" + bytes([len(data)]) + data


def entry(key: str, shared: int, value: bytes, tree: bytes | None = None) -> bytes:
    after = b"\xf6" if tree is None else tagged(tree)
    rest = bytes_cbor(key.encode()[shared:])
    return (
        b"\xa4" + text_cbor("k") + rest + text_cbor("p") + b"\x18" + bytes([shared])
        + text_cbor("t") + after + text_cbor("v") + tagged(value)
    )  # fmt: skip


def node(entries: list[bytes], left: bytes | None = None) -> bytes:
    before = b"\xf6" if left is None else tagged(left)
    return (
        b"\xa2" + text_cbor("e") + bytes([0x80 + len(entries)]) + b"".join(entries)
        + text_cbor("l") + before
    )  # fmt: skip


def commit(root: bytes) -> bytes:
    did = DID.encode()
    said = b"\x78" + bytes([len(did)]) + did
    return (
        b"\xa3" + text_cbor("did") + said + text_cbor("data") + tagged(root)
        + text_cbor("version") + b"\x03"
    )  # fmt: skip


def car(root: bytes, blocks: list[bytes]) -> bytes:
    header = b"\xa2" + text_cbor("roots") + b"\x81" + tagged(root) + text_cbor("version") + b"\x01"
    body = b"".join(varint(len(cid(block)) + len(block)) + cid(block) + block for block in blocks)
    return varint(len(header)) + header + body


def repository(
    records: Mapping[str, Mapping[str, Any]], without: frozenset[str] = frozenset()
) -> bytes:
    """A CAR whose tree names all `records` by path; the blocks of those in `without` are left out.

    The first record stands in a subtree to the left, the others in the root's node.
    """
    blocks = {path: cbor(record) for path, record in records.items()}
    paths = sorted(records)
    left = node([entry(paths[0], 0, cid(blocks[paths[0]]))])
    entries, before = [], ""
    for path in paths[1:]:
        shared = next((n for n, (a, b) in enumerate(zip(before, path, strict=False)) if a != b), 0)
        entries.append(entry(path, shared, cid(blocks[path])))
        before = path
    root = node(entries, cid(left))
    top = commit(cid(root))
    kept = [block for path, block in blocks.items() if path not in without]
    return car(cid(top), [top, root, left, *kept])


def bluesky_post(text: str, **fields: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": WHEN, **fields}
