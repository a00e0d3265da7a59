"""`run.json`: the record of a run, which holds the digests of the model's files and its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

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


def _digest(record: Mapping[str, Any]) -> str:
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
