"""An account as its network describes it, and what a server may answer instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.characters import sound
from hubtools.posts.live.client import Answer
from hubtools.posts.live.walk import Fetch
from hubtools.posts.post import Account

_ARCHIVE = "Export the account's archive on the network, and give its file instead"


class GoneError(SourceError):
    """There is no such account, or not any more: what is kept of it goes too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An account that was found and has not opted out."""

    account: Account
    server: str
    """The origin that has its posts."""
    streams: Mapping[str, Fetch]
    """Its lists of posts, each in pages."""
    other_names: tuple[str, ...] = ()
    """What else the network calls it: a DID."""
    total: int = 0
    """How many posts it says it has."""
    notes: tuple[str, ...] = field(default=())


def records(answer: Answer, name: str) -> list[dict[str, Any]]:
    """The objects in a list of `answer`: the document itself, or its field `name`.

    Raises SourceError for anything else.
    """
    document = answer.document
    found = document.get(name) if name and isinstance(document, dict) else document
    if answer.status != 200 or not isinstance(found, list):
        raise refused(answer)
    return [one for one in found if isinstance(one, dict)]


def refused(answer: Answer) -> SourceError:
    """What to say of an answer that cannot be used, in the server's own words where it has any."""
    where = answer.url.partition("?")[0]
    if answer.status in (401, 403):
        return SourceError("shows this only to who is logged in", where=where, fix=_ARCHIVE)
    if answer.status == 200:
        return SourceError("answers with something else than posts", where=where)
    said = answer.document if isinstance(answer.document, dict) else {}
    words = said.get("message") or said.get("error") or ""
    says = f"HTTP {answer.status} {words if isinstance(words, str) else ''}"[:200].strip()
    return SourceError(f"refuses: {says}", where=where)


def text_of(value: object) -> str | None:
    """A text with something in it, or None."""
    return sound(value) if isinstance(value, str) and value.strip() else None


def count_of(value: object) -> int:
    """A number of posts, 0 when it is none."""
    return max(0, value) if type(value) is int else 0
