"""How a person wants a source to be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """By default, everything is taken from the source itself."""

    text_column: str | None = None
    """The column of a table, or the field of a JSON record, that holds the posts."""
    account: str | None = None
    """Which author of several to read: a handle, or a Bluesky DID."""
    unlisted: bool = False
    """Also read unlisted posts, which anyone may see but which timelines do not show."""
