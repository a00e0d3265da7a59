"""A zip as a container."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import IO

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import ArchiveLimits, Container, leads_out, reporting_damage


class ZipContainer(Container):
    """A zip file whose entries are all checked before any is read."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        with reporting_damage(str(path)):
            self._zip: zipfile.ZipFile | None = zipfile.ZipFile(path)
            self._infos = {info.filename: info for info in self._zip.infolist()}
        try:
            self._check()
        except SourceError:
            self.close()
            raise
        self._names = tuple(name for name, info in self._infos.items() if not info.is_dir())

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()
        self._zip = None

    def _check(self) -> None:
        if len(self._infos) > self.limits.entries:
            raise SourceError(
                f"has more than {self.limits.entries:,} entries",
                where=self.path,
                fix="Check where this file comes from",
            )
        for info in self._infos.values():
            if leads_out(info.orig_filename) or leads_out(info.filename):
                raise SourceError(
                    f"has an entry that would unpack outside the folder: {info.filename!r}",
                    where=self.path,
                    fix="Check where this file comes from; archives of posts have no such names",
                )
            if stat.S_ISLNK(info.external_attr >> 16):
                raise SourceError(
                    f"has a symbolic link: {info.filename!r}",
                    where=self.path,
                    fix="Pack the file itself",
                )

    def _size(self, name: str) -> int:
        return self._infos[name].file_size

    def _open(self, name: str) -> IO[bytes]:
        info = self._infos[name]
        if info.flag_bits & 0x1:
            raise SourceError(
                "is encrypted", where=self.where(name), fix="Unpack it and pass the folder"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotImplementedError(f"compression method {info.compress_type}")
        if self._zip is None:
            self._zip = zipfile.ZipFile(self.path)
        return self._zip.open(info)
