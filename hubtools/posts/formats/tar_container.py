"""A tar, with or without gzip, as a container; Mastodon's archives are tar.gz.

A tar has no directory, so it is read once for the members' names and again for each opened member.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import (
    ArchiveContainer,
    ArchiveLimits,
    leads_out,
    reporting_damage,
    unpacks_too_far,
)

GZIP = b"\x1f\x8b"
_EXPANSION = 20
"""Times its size that a tar may unpack to beyond `ArchiveLimits.total`; pictures do not shrink."""
_HEADER = 1 << 20


class TarContainer(ArchiveContainer):
    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        self._infos: dict[str, tarfile.TarInfo] = {}
        self._files = ExitStack()
        with reporting_damage(str(path)), self._archive() as archive:
            for count, info in enumerate(archive, 1):
                link = "link" if info.issym() or info.islnk() else None
                self.check_entry(count, info.name, outside=leads_out(info.name), link=link)
                if info.isreg():
                    self._infos[info.name.removeprefix("./")] = info
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every entry
        self.names = tuple(self._infos)

    def close(self) -> None:
        self._files.close()

    @contextmanager
    def _archive(self) -> Iterator[tarfile.TarFile]:
        with self.path.open("rb") as file:
            try:
                yield self._tar(file)
            except tarfile.ReadError as error:
                raise SourceError(
                    f"is a damaged archive, or a compressed single file ({error})",
                    where=self.path,
                    fix="Download it again, or unpack the single file first",
                ) from error

    def _tar(self, file: IO[bytes]) -> tarfile.TarFile:
        packed = file.read(2) == GZIP
        file.seek(0)
        inner = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
        bound = self.limits.total + _EXPANSION * self.path.stat().st_size
        return tarfile.TarFile(fileobj=_Bounded(inner, bound, str(self.path)), mode="r")

    def _size(self, name: str) -> int:
        return self._infos[name].size

    def _open(self, name: str) -> IO[bytes]:
        file = self._files.enter_context(self.path.open("rb"))
        return cast(IO[bytes], self._tar(file).extractfile(self._infos[name]))


class _Bounded(io.RawIOBase):
    """The tar's bytes up to a bound; headers that would fill the memory are refused."""

    def __init__(self, inner: IO[bytes], bound: int, where: str) -> None:
        self._inner, self._bound, self._where = inner, bound, where

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError("a header of more than a megabyte")
        self._check(self._inner.tell())
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check(offset)
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def _check(self, place: int) -> None:
        if place > self._bound:
            raise unpacks_too_far(self._where, self._bound)
