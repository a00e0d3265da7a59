"""A tar, with or without gzip, as a container; Mastodon's archives are tar.gz.

A tar has no directory, so it is read once for the members' names and again for each opened member.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import ArchiveLimits, Container, leads_out, reporting_damage

GZIP = b"\x1f\x8b"
_EXPANSION = 20
"""Times its size that a tar may unpack to beyond `ArchiveLimits.total`; pictures do not shrink."""
_HEADER = 1 << 20


class TarContainer(Container):
    """A tar whose entries are all checked before any is read."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        self._infos: dict[str, tarfile.TarInfo] = {}
        with reporting_damage(str(path)), self._archive() as archive:
            for count, info in enumerate(archive, 1):
                self._check(info, count)
                if info.isreg():
                    self._infos[info.name.removeprefix("./")] = info
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every entry

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._infos)

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def close(self) -> None:
        """Nothing stays open between reads."""

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

    def _check(self, info: tarfile.TarInfo, count: int) -> None:
        if count > self.limits.entries:
            raise SourceError(
                f"has more than {self.limits.entries:,} entries",
                where=self.path,
                fix="Check where this file comes from",
            )
        if leads_out(info.name):
            raise SourceError(
                f"has an entry that would unpack outside the folder: {info.name!r}",
                where=self.path,
                fix="Check where this file comes from; archives of posts have no such names",
            )
        if info.issym() or info.islnk():
            raise SourceError(
                f"has a link: {info.name!r}",
                where=self.path,
                fix="Pack the file itself",
            )

    def _size(self, name: str) -> int:
        return self._infos[name].size

    def _open(self, name: str) -> IO[bytes]:
        file = self.path.open("rb")
        try:
            inner = self._tar(file).extractfile(self._infos[name])
        except BaseException:
            file.close()
            raise
        return cast(IO[bytes], _Owning(cast(IO[bytes], inner), file))


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
            raise SourceError(
                f"unpacks to more than {self._bound:,} bytes, more than any archive of posts",
                where=self._where,
                fix="Check where this file comes from",
            )


class _Owning(io.RawIOBase):
    """A member's bytes; closing them closes the file too."""

    def __init__(self, inner: IO[bytes], file: IO[bytes]) -> None:
        self._inner, self._file = inner, file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(size)

    def close(self) -> None:
        self._inner.close()
        self._file.close()
        super().close()
