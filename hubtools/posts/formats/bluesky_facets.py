"""Bluesky's rich text, with links written out.

Text and annotations are separate: a facet marks a range of UTF-8 bytes as a link, a mention or a
tag. https://docs.bsky.app/docs/advanced-guides/post-richtext
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SCHEME = re.compile(r"^https?://(?:www\.)?", re.IGNORECASE)
_CUT = re.compile(r"(?:\.\.\.|…)$")


def expand_links(text: str, facets: object) -> str:
    """`text` with each abbreviated link written out.

    Apps show `example.com/a-long...` for an address; this restores the address, so that rules for
    links recognize it. Links on the author's own words leave the words. Keys may be the protocol's
    or those of its Python SDK (`byteStart`, `byte_start`). Facets that are malformed, overlap an
    earlier one, exceed the text or split a character are ignored.
    """
    raw = text.encode("utf-8", "replace")
    pieces: list[bytes] = []
    place = 0
    for start, end, address in sorted(_links(facets)):
        if start < place or end > len(raw):
            continue
        try:
            shown = raw[start:end].decode()
        except UnicodeDecodeError:
            continue
        if _abbreviates(shown, address):
            pieces += [raw[place:start], address.encode("utf-8", "replace")]
            place = end
    pieces.append(raw[place:])
    return b"".join(pieces).decode("utf-8", "replace")


def _links(facets: object) -> Iterator[tuple[int, int, str]]:
    for facet in facets if isinstance(facets, list | tuple) else ():
        if not isinstance(facet, Mapping):
            continue
        index = facet.get("index")
        features = facet.get("features")
        if not isinstance(index, Mapping) or not isinstance(features, list | tuple):
            continue
        start, end = _number(index, "byteStart"), _number(index, "byteEnd")
        address = next(filter(None, map(_address, features)), None)
        if address is not None and start is not None and end is not None and start < end:
            yield start, end, address


def _number(index: Mapping[str, Any], name: str) -> int | None:
    value = index.get(name, index.get(name.replace("byte", "byte_").lower()))
    return value if type(value) is int and value >= 0 else None


def _address(feature: object) -> str | None:
    uri = feature.get("uri") if isinstance(feature, Mapping) else None
    return uri if isinstance(uri, str) and _SCHEME.match(uri) else None


def _abbreviates(shown: str, address: str) -> bool:
    bare = _CUT.sub("", _SCHEME.sub("", shown.strip())).rstrip("/").casefold()
    return bool(bare) and "." in bare and _SCHEME.sub("", address).casefold().startswith(bare)
