"""From a path that a person names to a timeline, whatever the format.

A format is known by what is in the file, never by its name. To add one, write a module with
`recognise` and `read` and put it into `FORMATS`; the first that recognises a source reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.core.errors import SourceError
from hubtools.posts import (
    bluesky_car,
    bluesky_dump,
    csvfile,
    grailbird,
    jsonl,
    mastodon_archive,
    mastodon_dump,
    plaintext,
    x_archive,
    x_pages,
)
from hubtools.posts.container import Container, FileContainer, Limits
from hubtools.posts.live.address import is_live
from hubtools.posts.live.read import read_live
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts
from hubtools.posts.sniff import open_container


@dataclass(frozen=True, slots=True)
class Format:
    """A way in which posts are kept."""

    name: str
    """As a person would say it."""
    recognise: Callable[[Container, ReadOptions], bool]
    """Looks at names and first bytes only."""
    read: Callable[[str, Container, ReadOptions], AccountPosts]
    """Given what the person named and the open container."""


FORMATS = (
    Format("an archive from X", x_archive.recognise, x_archive.read),
    Format("an archive from X as it was until 2018", grailbird.recognise, grailbird.read),
    Format("an archive from Mastodon", mastodon_archive.recognise, mastodon_archive.read),
    Format("a dump of Mastodon's API", mastodon_dump.recognise, mastodon_dump.read),
    Format("a repository from Bluesky (CAR)", bluesky_car.recognise, bluesky_car.read),
    Format("a dump of Bluesky's API", bluesky_dump.recognise, bluesky_dump.read),
    Format("pages of X's API", x_pages.recognise, x_pages.read),
    Format("JSON Lines or a JSON array", jsonl.recognise, jsonl.read),
    Format("CSV with a header", csvfile.recognise, csvfile.read),
    Format("plain text", plaintext.recognise, plaintext.read),
)


def read_source(
    source: str, limits: Limits | None = None, options: ReadOptions | None = None
) -> AccountPosts:
    """The posts of one account in the file or folder at the path `source`.

    `PATH#HANDLE` takes the posts of one author from a file with several.
    Raises SourceError, with the file and the line or member, for anything that cannot be read.
    """
    if is_live(source):
        return read_live(source)
    path, chosen = _with_account(source, options or ReadOptions())
    with open_container(path, limits) as container:
        for form in FORMATS:
            if form.recognise(container, chosen):
                timeline = form.read(path, container, chosen)
                if not any(True for _ in timeline.posts):
                    raise SourceError("holds no posts", where=path, fix="Export it again")
                return replace(timeline, source=source)
        raise _unknown(path, container)


def _with_account(source: str, options: ReadOptions) -> tuple[str, ReadOptions]:
    """The path, and the options with the handle that stands after it; a file may have a # too."""
    path, mark, handle = source.rpartition("#")
    if not (mark and path and handle) or _exists(source) or not _exists(path):
        return source, options
    return path, replace(options, account=handle)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


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
