"""Reading a README's front matter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hubtools.cards.frontmatter import split_front_matter
from hubtools.core.errors import CardError
from hubtools.localhub.types import RepoCard

MAX_README = 2 << 20  # bytes of a README that are read
_MAX_CARD = 1 << 20  # characters of JSON; aliases expand a few lines of YAML to gigabytes


def read_card(readme: bytes) -> RepoCard:
    """The card of a README; an unreadable one is empty, as on the Hub."""
    text = decode_readme(readme)
    try:
        data, _ = split_front_matter(text)
        plain = _as_json(data)
    except (CardError, ValueError, TypeError, RecursionError):
        return RepoCard()
    return RepoCard(
        data=plain,
        tags=tuple(dict.fromkeys(_tags(plain))),
        pipeline_tag=_text(plain.get("pipeline_tag")),
        library_name=_text(plain.get("library_name")),
    )


def decode_readme(readme: bytes) -> str:
    """The text of a README without a byte order mark; invalid UTF-8 becomes U+FFFD."""
    return readme[:MAX_README].decode("utf-8", "replace").removeprefix("\ufeff")


def _as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data as JSON has it; dates become strings. Raises ValueError for NaN and for too much."""
    pieces: list[str] = []
    size = 0
    encoder = json.JSONEncoder(default=str, allow_nan=False, ensure_ascii=False)
    for piece in encoder.iterencode(dict(data)):
        size += len(piece)
        if size > _MAX_CARD:
            raise ValueError("front matter too large")
        pieces.append(piece)
    plain = json.loads("".join(pieces).encode("utf-8", "replace"))
    return plain if isinstance(plain, dict) else {}


def _tags(data: Mapping[str, Any]) -> Iterator[str]:
    for key in ("library_name", "pipeline_tag", "tags", "language"):
        yield from _texts(data.get(key))
    for key, prefix in (("base_model", "base_model"), ("datasets", "dataset")):
        yield from (f"{prefix}:{text}" for text in _texts(data.get(key)))
    yield from (f"license:{text}" for text in _texts(data.get("license")))


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in map(_text, values) if text]


def _text(value: object) -> str | None:
    return value.strip()[:200] or None if isinstance(value, str) else None
