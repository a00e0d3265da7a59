"""run.json knows whether it is ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubtools.core.files import sha256_file
from hubtools.core.run_record import RUN_RECORD, read_record, renew_digest, sealed_record

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


def test_a_file_that_is_changed_on_purpose_is_ours_again(tmp_path: Path) -> None:
    picture, record = tmp_path / "predictions.png", tmp_path / RUN_RECORD
    picture.write_bytes(b"new")
    record.write_text(sealed_record({"files": {"predictions.png": "old"}, "key": "k"}))
    renew_digest(picture)
    read = read_record(record.read_bytes())
    assert read == {"files": {"predictions.png": sha256_file(picture)}, "key": "k"}


@pytest.mark.parametrize("record", [None, "{}", '{"files": {"predictions.png": "old"}}'])
def test_without_a_record_of_ours_nothing_is_written(record: str | None, tmp_path: Path) -> None:
    picture = tmp_path / "predictions.png"
    picture.write_bytes(b"new")
    if record is not None:
        (tmp_path / RUN_RECORD).write_text(record)
    renew_digest(picture)
    assert [path.read_text() for path in tmp_path.glob(RUN_RECORD)] == [record] * bool(record)
