"""`mastodon:user@host` and `bluesky:handle`: how a person names an account on a network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubtools.core.errors import SourceError
from hubtools.posts.post import Network

_LONGEST_HANDLE = 253
"""Characters, of a host name and of a handle."""
_LABEL = r"[a-z0-9\u00a1-\uffff][a-z0-9\u00a1-\uffff-]*"
HOST = rf"{_LABEL}(?:\.{_LABEL})*"
"""A regular expression for host names, in lower case."""


@dataclass(frozen=True, slots=True)
class AccountAddress:
    """An account on a network."""

    network: Network
    handle: str
    """`user@host` on Mastodon; a handle or a DID on Bluesky."""

    def __str__(self) -> str:
        return f"{self.network}:{self.handle}"


def match_handle(source: str, form: re.Pattern[str], example: str) -> re.Match[str]:
    """The match of `form` with the address after its prefix. Raises SourceError without one."""
    handle = source.partition(":")[2]
    found = form.fullmatch(handle) if len(handle) <= _LONGEST_HANDLE else None
    if found is None:
        raise SourceError(
            "is not a valid address of an account",
            where=source[:200],
            fix=f"Write it like {example}",
        )
    return found
