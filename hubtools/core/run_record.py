"""`run.json`: the record of a run, which holds the digests of the model's files and its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubtools.core.files import sha256_file, write_atomically

RUN_RECORD = "run.json"


def sealed_record(record: Mapping[str, Any]) -> str:
    """`record` as JSON, the SHA-256 of the rest as its last key."""
    sealed = {**record, "sha256": _digest(record)}
    return json.dumps(sealed, ensure_ascii=False, indent=2) + "\n"


def read_record(data: bytes | None) -> Mapping[str, Any]:
    """The record in `data`; empty when there is none or its digest does not fit: it is not ours."""
    try:
        record = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    digest = record.pop("sha256", None)
    return record if _digest(record) == digest else {}


def renew_digest(file: Path) -> None:
    """Say in the record beside `file` what it now holds, where the record names it.

    Whoever changes a model's file on purpose calls this: else it counts as damaged here, and as
    somebody else's work on a Hub.
    """
    record_file = file.parent / RUN_RECORD
    record = dict(read_record(record_file.read_bytes() if record_file.is_file() else None))
    if file.name in record.get("files", {}):
        record["files"] = {**record["files"], file.name: sha256_file(file)}
        write_atomically(record_file, sealed_record(record))


def _digest(record: Mapping[str, Any]) -> str:
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
