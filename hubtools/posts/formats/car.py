"""Content-addressable archives (CAR, version 1): blocks of DAG-CBOR, found by their CID.

https://ipld.io/specs/transport/car/carv1/ and https://atproto.com/specs/data-model: CIDs of a
repository are of version 1 with SHA-256. libipld decodes the blocks. Its `decode_car` is not used:
it takes the whole file into memory and accepts blocks that do not match their CID. Here only the
place of each block is kept; a block is read, checked and decoded on request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from libipld import decode_dag_cbor

from hubtools.core.errors import SourceError

_CID_PREFIXES = (b"\x01\x71\x12\x20", b"\x01\x55\x12\x20")
"""Version 1, DAG-CBOR or raw, SHA-256 of 32 bytes."""
_CID_SIZE = 36
_BLOCK_LIMIT = 1 << 24
"""Bytes; the network accepts no blocks of more than 2 MB."""


class Car:
    """The blocks of a CAR in an open file. Raises SourceError with the byte where it is damaged."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where = stream, where
        header = self._decoded(self._bytes(self._varint() or 0), 0)
        if not isinstance(header, dict) or header.get("version") != 1:
            raise self._broken("is not a CAR of version 1", 0)
        self.roots = header.get("roots")
        self._places = dict(self._index())

    def __contains__(self, cid: object) -> bool:
        return cid in self._places

    def block(self, cid: bytes) -> Any:
        """The decoded block; KeyError if the file does not have it."""
        place, size = self._places[cid]
        self._stream.seek(place)
        data = self._stream.read(size)
        if hashlib.sha256(data).digest() != cid[-32:]:
            raise self._broken("has a block that does not match its CID", place)
        return self._decoded(data, place)

    def _index(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        while (size := self._varint()) is not None:
            start = self._stream.tell()
            if not _CID_SIZE <= size <= _BLOCK_LIMIT:
                raise self._broken(f"has a block of {size:,} bytes", start)
            cid = self._bytes(_CID_SIZE)
            if not cid.startswith(_CID_PREFIXES):
                raise self._broken("has a CID of an unknown kind", start)
            place, left = self._stream.tell(), size - _CID_SIZE
            # Seeking past the end raises nothing, so the last byte is read.
            self._stream.seek(max(left - 1, 0), 1)
            if left:
                self._bytes(1)
            yield cid, (place, left)

    def _varint(self) -> int | None:
        """An unsigned LEB128 number; None at the end of the file."""
        value = shift = 0
        while byte := self._stream.read(1):
            value |= (byte[0] & 0x7F) << shift
            if not byte[0] & 0x80:
                return value
            shift += 7
            if shift > 56:
                break
        if byte or shift:
            raise self._broken("has an invalid block length", self._stream.tell())
        return None

    def _bytes(self, size: int) -> bytes:
        place = self._stream.tell()
        data = self._stream.read(size) if size <= _BLOCK_LIMIT else b""
        if len(data) < size:
            raise self._broken("ends in the middle of a block", place)
        return data

    def _decoded(self, data: bytes, place: int) -> Any:
        try:
            return decode_dag_cbor(data)
        except (ValueError, RecursionError, OverflowError) as error:
            raise self._broken(f"has a block that is not DAG-CBOR ({error})", place) from error

    def _broken(self, what: str, place: int) -> SourceError:
        where = f"{self._where}: byte {place:,}"
        return SourceError(what, where=where, fix="Export the repository again")
