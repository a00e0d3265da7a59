"""A zip as a container."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import IO

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import (
    ArchiveContainer,
    ArchiveLimits,
    leads_out,
    reporting_damage,
)


class ZipContainer(ArchiveContainer):
    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        with reporting_damage(str(path)):
            self._zip: zipfile.ZipFile | None = zipfile.ZipFile(path)
            self._infos = {info.filename: info for info in self._zip.infolist()}
        try:
            for count, info in enumerate(self._infos.values(), 1):
                outside = leads_out(info.orig_filename) or leads_out(info.filename)
                link = "symbolic link" if stat.S_ISLNK(info.external_attr >> 16) else None
                self.check_entry(count, info.filename, outside=outside, link=link)
        except SourceError:
            self.close()
            raise
        self.names = tuple(name for name, info in self._infos.items() if not info.is_dir())

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()
        self._zip = None

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
