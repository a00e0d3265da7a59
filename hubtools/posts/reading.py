"""From a path that a person names to a timeline, whatever the format.

A format is known by what is in the file, never by its name. To add one, write a module with
`recognise` and `read` and put it into `FORMATS`; the first that recognises a source reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubtools.errors import SourceError
from hubtools.posts import csvfile, jsonl, x_archive
from hubtools.posts.container import Container, FileContainer, Limits, open_container
from hubtools.posts.model import Timeline


@dataclass(frozen=True, slots=True)
class Format:
    """A way in which posts are kept."""

    name: str
    """As a person would say it."""
    recognise: Callable[[Container], bool]
    """Looks at names and first bytes only."""
    read: Callable[[str, Container], Timeline]
    """Given what the person named and the open container."""


FORMATS = (
    Format("an archive from X", x_archive.recognise, x_archive.read),
    Format("JSON Lines or a JSON array", jsonl.recognise, jsonl.read),
    Format("CSV with a header", csvfile.recognise, csvfile.read),
)


def read_timeline(source: str, limits: Limits | None = None) -> Timeline:
    """The posts of one account in the file or folder at the path `source`.

    Raises SourceError, with the file and the line or member, for anything that cannot be read.
    """
    with open_container(source, limits) as container:
        for form in FORMATS:
            if form.recognise(container):
                timeline = form.read(source, container)
                if not any(True for _ in timeline.posts):
                    raise SourceError("holds no posts", where=source, fix="Export it again")
                return timeline
        raise _unknown(source, container)


def _unknown(source: str, container: Container) -> SourceError:
    names = "; ".join(form.name for form in FORMATS)
    what = "is no format" if isinstance(container, FileContainer) else "holds no posts"
    if container.outside:
        link = f"{container.outside[0]} is a symbolic link that leads out of the folder"
        return SourceError(
            f"{what} that hubtools reads, and {link}",
            where=source,
            fix="Put the folder itself in its place",
        )
    return SourceError(f"{what} that hubtools reads", where=source, fix=f"It reads: {names}")
