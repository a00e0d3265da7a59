"""Values in other people's JSON: whatever the type, the answer is usable or None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")
_NOT_ENCODABLE = re.compile(r"[\0\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` that can be written as UTF-8: lone surrogates and NUL become U+FFFD."""
    return _NOT_ENCODABLE.sub("\ufffd", text)


def text_or_none(value: object) -> str | None:
    """A string with something in it, stripped and encodable."""
    return encodable(value).strip() or None if isinstance(value, str) else None


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The JSON objects in a list; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def web_address(value: object) -> str | None:
    """An http or https URL."""
    text = text_or_none(value)
    return text if text and text.startswith(("https://", "http://")) else None


def count(value: object) -> int:
    """A number of posts; 0 for anything else."""
    return max(0, value) if type(value) is int else 0


def is_image(data: bytes) -> bool:
    """Whether `data` starts like a JPEG, PNG, GIF or WebP."""
    return data.startswith(_IMAGE_SIGNATURES)
