"""run.json knows whether it is ours."""

from __future__ import annotations

import json

import pytest

from hubtools.record import read_record, sealed_record

RECORD = {"key": "k", "files": {"a": "1"}, "name": "⚓"}


def test_a_record_reads_back() -> None:
    assert read_record(sealed_record(RECORD).encode()) == RECORD


def test_layout_is_not_content() -> None:
    compact = json.dumps(json.loads(sealed_record(RECORD)))
    assert read_record(compact.encode()) == RECORD


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"key": "k"}',
        sealed_record(RECORD).replace('"k"', '"other"').encode(),
    ],
)
def test_anything_else_is_not_ours(data: bytes | None) -> None:
    assert not read_record(data)
