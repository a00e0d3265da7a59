"""From a path to the container that stands there."""

from __future__ import annotations

from pathlib import Path

from hubtools.core.errors import SourceError
from hubtools.posts.container import (
    Container,
    FileContainer,
    FolderContainer,
    Limits,
    damage_named,
)
from hubtools.posts.tarcontainer import GZIP, TarContainer
from hubtools.posts.zipcontainer import ZipContainer


def open_container(source: str, limits: Limits | None = None) -> Container:
    """The container at the path `source`; archives are known by their first bytes, not by a name.

    Raises SourceError when there is nothing there, it cannot be read, or is a damaged archive.
    """
    path = Path(source)
    limits = limits or Limits()
    with damage_named(source):
        if source and path.is_dir():
            return FolderContainer(path, limits)
        if not source or not path.exists():
            raise SourceError(
                "no such file or folder", where=source or "''", fix="Check the path of your archive"
            )
        if not path.is_file():
            raise SourceError("is neither a file nor a folder", where=source)
        with path.open("rb") as file:
            start = file.read(512)
    if not start:
        raise SourceError("is empty", where=source, fix="Download or export it again")
    return _kind(start)(path, limits)


def _kind(start: bytes) -> type[Container]:
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZipContainer
    return TarContainer if start.startswith(GZIP) or start[257:262] == b"ustar" else FileContainer
