"""An account as its network describes it, and the responses that are errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.values import mapping, objects
from hubtools.posts.live.http import HttpResponse
from hubtools.posts.live.walk import FetchPage
from hubtools.posts.post import Account

_USE_ARCHIVE = "Export the account's archive on the network, and pass its file instead"


class GoneError(SourceError):
    """The account does not exist, or no longer does: its cached posts are removed too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """An account that exists and has not opted out."""

    account: Account
    server: str
    lists: Mapping[str, FetchPage]
    other_names: tuple[str, ...] = ()
    """Other names that the network has for it, such as a DID."""
    total: int = 0
    """How many posts it claims to have."""
    notes: tuple[str, ...] = ()


def objects_of(response: HttpResponse, key: str | None = None) -> list[dict[str, Any]]:
    """The objects in a list: the document itself, or its `key`. Raises SourceError for others."""
    found = response.document if key is None else mapping(response.document).get(key)
    if response.status != 200 or not isinstance(found, list):
        raise unusable(response)
    return objects(found)


def object_of(response: HttpResponse) -> dict[str, Any]:
    """The object that the document is. Raises SourceError for others."""
    if response.status != 200 or not isinstance(response.document, dict):
        raise unusable(response)
    return response.document


def unusable(response: HttpResponse) -> SourceError:
    """The error for a response that cannot be used, in the server's words if it has any."""
    where = response.url.partition("?")[0]
    if response.status in (401, 403):
        return SourceError("requires a login", where=where, fix=_USE_ARCHIVE)
    if response.status == 200:
        return SourceError("sent something other than posts", where=where, fix=_USE_ARCHIVE)
    document = mapping(response.document)
    words = document.get("message") or document.get("error") or ""
    reason = f"HTTP {response.status} {words if isinstance(words, str) else ''}"[:200].strip()
    return SourceError(f"refused the request: {reason}", where=where, fix=_USE_ARCHIVE)
