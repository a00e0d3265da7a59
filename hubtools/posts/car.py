"""Content-addressable archives (CAR, version 1): blocks of DAG-CBOR, found by their CID.

https://ipld.io/specs/transport/car/carv1/. Only where each block lies is kept in memory; a block is
read, checked against its CID and decoded when it is asked for. DAG-CBOR is decoded by libipld.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from hubtools.core.errors import MissingExtraError, SourceError

_SHA_256 = b"\x12\x20"
_BLOCK = 1 << 24
"""Bytes of a block; the network takes none of more than 2 MB."""
_FIX = "Export the repository again"


class Car:
    """The blocks of a CAR in an open file. Raises SourceError for one that is damaged."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where = stream, where
        self._decode = dag_cbor_decoder()
        size = self._varint()
        header = self._decoded(self._bytes(size if size is not None else 0), 0)
        if not isinstance(header, dict) or header.get("version") != 1:
            raise self._broken("is no CAR of version 1", 0)
        self.roots = header.get("roots")
        self._places = dict(self._index())

    def __contains__(self, cid: object) -> bool:
        return cid in self._places

    def block(self, cid: bytes) -> Any:
        """What a block holds; KeyError for one that is not there."""
        place, size = self._places[cid]
        self._stream.seek(place)
        data = self._stream.read(size)
        if cid[-34:-32] == _SHA_256 and hashlib.sha256(data).digest() != cid[-32:]:
            raise self._broken("has a block that is not what its CID says", place)
        return self._decoded(data, place)

    def _index(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        while (size := self._varint()) is not None:
            start = self._stream.tell()
            if not 0 < size <= _BLOCK:
                raise self._broken(f"has a block of {size:,} bytes", start)
            cid = self._cid()
            place = self._stream.tell()
            left = size - (place - start)
            if left < 0:
                raise self._broken("has a block that is shorter than its CID", start)
            # Seeking beyond the end raises nothing, so the last byte is read.
            self._stream.seek(max(left - 1, 0), 1)
            if left and len(self._stream.read(1)) < 1:
                raise self._broken("ends in the middle of a block", place)
            yield cid, (place, left)

    def _cid(self) -> bytes:
        start = self._stream.tell()
        first = self._bytes(2)
        if first != _SHA_256:  # which a CID of version 0 is, with its digest
            self._stream.seek(start)
            for _ in range(3):  # version, codec, kind of hash
                self._varint()
        length = 32 if first == _SHA_256 else self._varint() or 0
        if length > 64:
            raise self._broken("has a CID with a digest of more than 64 bytes", start)
        size = self._stream.tell() - start + length
        self._stream.seek(start)
        return self._bytes(size)

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
            raise self._broken("has a length that is none, or ends in one", self._stream.tell())
        return None

    def _bytes(self, size: int) -> bytes:
        place = self._stream.tell()
        data = self._stream.read(size) if size <= _BLOCK else b""
        if len(data) < size:
            raise self._broken("ends in the middle of a block", place)
        return data

    def _decoded(self, data: bytes, place: int) -> Any:
        try:
            return self._decode(data)
        except (ValueError, RecursionError, OverflowError) as error:
            raise self._broken(f"has a block that is no DAG-CBOR ({error})", place) from error

    def _broken(self, what: str, place: int) -> SourceError:
        return SourceError(what, where=f"{self._where}: byte {place:,}", fix=_FIX)


def dag_cbor_decoder() -> Callable[[bytes], Any]:
    """libipld's decoder. Raises MissingExtraError when it is not installed."""
    try:
        from libipld import decode_dag_cbor
    except ImportError as error:
        raise MissingExtraError("bluesky", "reading a Bluesky repository (.car)") from error
    decode: Callable[[bytes], Any] = decode_dag_cbor
    return decode
