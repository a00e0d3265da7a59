"""What a person can say about how a source is to be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """All of it can be left out; then what the source says holds."""

    text_column: str | None = None
    """The column of a table, or the field of a JSON record, that holds the posts."""
    account: str | None = None
    """Whose posts to take from a source that has several authors: a handle, or a Bluesky did."""
    unlisted: bool = False
    """Also take the posts that everybody may see but that their author kept out of listings."""
