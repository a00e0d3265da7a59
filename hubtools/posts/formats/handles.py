"""Which handles are valid: they end up in file names, addresses and cards."""

from __future__ import annotations

import re

from hubtools.core.errors import SourceError
from hubtools.posts.post import Network

_X = re.compile(r"[A-Za-z0-9_]{1,50}")
_ANY = re.compile(r"[^\s/\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]{1,253}")


def checked_handle(handle: str, network: Network, where: str, field: str) -> str:
    """`handle` without its leading @. Raises SourceError with file and field if it is invalid.

    Handles on X are letters, digits and underscores (15 today; some old ones are longer). Elsewhere
    slashes, spaces, invisible characters and names made of dots are refused.
    """
    plain = handle.removeprefix("@")
    form = _X if network == "x" else _ANY
    if form.fullmatch(plain) and plain.strip("."):
        return plain
    raise SourceError(
        f"{handle[:80]!r} in '{field}' is not a valid handle",
        where=where,
        fix="Correct that field, or remove it",
    )
