"""From a path to its container."""

from __future__ import annotations

from pathlib import Path

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import (
    ArchiveLimits,
    Container,
    FileContainer,
    FolderContainer,
    reporting_damage,
)
from hubtools.posts.formats.tar_container import GZIP, TarContainer
from hubtools.posts.formats.zip_container import ZipContainer


def open_container(source: str, limits: ArchiveLimits | None = None) -> Container:
    """The container at `source`; archives are recognized by their first bytes, not by name.

    Raises SourceError for a path that does not exist or cannot be read, and a damaged archive.
    """
    path = Path(source)
    limits = limits or ArchiveLimits()
    with reporting_damage(source):
        if source and path.is_dir():
            return FolderContainer(path, limits)
        if not source or not path.exists():
            raise SourceError("no such file or folder", where=source or "''", fix="Check the path")
        if not path.is_file():
            raise SourceError(
                "is neither a file nor a folder", where=source, fix="Pass a file or a folder"
            )
        with path.open("rb") as file:
            start = file.read(512)
    if not start:
        raise SourceError("is empty", where=source, fix="Download or export it again")
    return _container_type(start)(path, limits)


def _container_type(start: bytes) -> type[Container]:
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZipContainer
    return TarContainer if start.startswith(GZIP) or start[257:262] == b"ustar" else FileContainer
