"""A read-only view of what a person names as a source: a zip, a folder or a single file.

Members are read as streams and never extracted. A view lists the names that it has and opens only
what it is asked for, so private members of an archive stay closed. Whatever is wrong with the
container is a SourceError: names that climb out, symbolic links, encryption, more bytes than the
limits allow, damage.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

from hubtools.errors import SourceError

_ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError, IndexError)
_AGAIN = "Download it again: it is cut off or damaged"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a source may ask for, in bytes after decompression unless said otherwise."""

    member: int = 1 << 30
    """Of one member; the largest real `tweets.js` are near 200 MB, later ones come in parts."""
    total: int = 4 << 30
    """Of all members that are opened, together."""
    record: int = 16 << 20
    """Characters of one JSON record."""
    field: int = 1 << 20
    """Characters of one CSV field; the longest posts of any network have 25,000."""
    picture: int = 16 << 20
    """Of the avatar."""
    entries: int = 1_000_000
    """Names in a zip or a folder."""


class Container(ABC):
    """The members of a source, by name: relative, with forward slashes."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self._spent: dict[str, int] = {}

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Every member, in the container's order."""

    @property
    def outside(self) -> tuple[str, ...]:
        """Folders that are links out of the source, which are not gone into."""
        return ()

    @abstractmethod
    def where(self, name: str) -> str:
        """A member as an error names it."""

    @abstractmethod
    def _size(self, name: str) -> int:
        """The size that the container declares, in bytes."""

    @abstractmethod
    def _open(self, name: str) -> IO[bytes]:
        """The member's bytes."""

    def open(self, name: str) -> BinaryIO:
        """The bytes of a member as a stream that raises SourceError for damage and over a limit."""
        size = self._size(name)
        self.charge(name, size)
        with damage_named(self.where(name)):
            inner = self._open(name)
        return io.BufferedReader(_Metered(self, name, inner), 1 << 16)

    def read(self, name: str, limit: int) -> bytes:
        """All bytes of a small member; SourceError when it has more than `limit`."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise SourceError(f"is larger than {limit:,} bytes", where=self.where(name))
        return data

    def charge(self, name: str, size: int) -> None:
        """Note that `size` bytes of a member are wanted; SourceError when a limit is passed."""
        self._spent[name] = max(size, self._spent.get(name, 0))
        for amount, limit in (
            (self._spent[name], self.limits.member),
            (sum(self._spent.values()), self.limits.total),
        ):
            if amount > limit:
                raise SourceError(
                    f"would unpack to more than {limit:,} bytes, which no archive of posts does",
                    where=self.where(name),
                    fix="Check where this file comes from",
                )

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


class FileContainer(Container):
    """One file: a container with a single member."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.path.name,)

    def where(self, name: str) -> str:
        return str(self.path)

    def close(self) -> None:
        """Nothing stays open between reads."""

    def _size(self, name: str) -> int:
        return self.path.stat().st_size

    def _open(self, name: str) -> IO[bytes]:
        return self.path.open("rb")


class FolderContainer(Container):
    """A folder, four levels deep: deeper than any archive of posts goes."""

    _DEPTH = 4

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._root = path.resolve()
        self._outside: list[str] = []
        with damage_named(str(path)):
            self._names = tuple(self._walk(path))

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    @property
    def outside(self) -> tuple[str, ...]:
        return tuple(self._outside)

    def where(self, name: str) -> str:
        return str(self.path / name)

    def _walk(self, path: Path) -> Iterator[str]:
        """The files; links out of the folder are listed when they are files, and never opened."""
        count = 0
        for folder, folders, files in os.walk(path, onerror=_raise):
            here = Path(folder)
            count += len(folders) + len(files)
            if count > self.limits.entries:
                raise SourceError(
                    f"holds more than {self.limits.entries:,} files",
                    where=self.path,
                    fix="Name the archive's own folder",
                )
            self._outside += [str(here / name) for name in folders if self._leads_out(here / name)]
            folders[:] = sorted(folders) if len(here.relative_to(path).parts) < self._DEPTH else []
            for name in sorted(files):
                if (here / name).is_file():
                    yield (here / name).relative_to(path).as_posix()

    def _leads_out(self, entry: Path) -> bool:
        return entry.is_symlink() and not entry.resolve().is_relative_to(self._root)

    def close(self) -> None:
        """Nothing stays open between reads."""

    def _size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def _open(self, name: str) -> IO[bytes]:
        if self._leads_out(self.path / name):
            raise SourceError(
                "is a symbolic link that leads out of the folder",
                where=self.path / name,
                fix="Put the file itself in its place",
            )
        return (self.path / name).open("rb")


class ZipContainer(Container):
    """A zip file, checked entry by entry before anything is read from it."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        with damage_named(str(path)):
            self._zip = zipfile.ZipFile(path)
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
        self._zip.close()

    def _check(self) -> None:
        if len(self._infos) > self.limits.entries:
            raise SourceError(f"holds more than {self.limits.entries:,} entries", where=self.path)
        for info in self._infos.values():
            if _climbs_out(info.orig_filename) or _climbs_out(info.filename):
                raise SourceError(
                    f"has an entry whose name leads out of the archive: {info.filename!r}",
                    where=self.path,
                    fix="Check where this file comes from; X's archives have no such names",
                )
            if stat.S_ISLNK(info.external_attr >> 16):
                raise SourceError(
                    f"has an entry that is a symbolic link: {info.filename!r}",
                    where=self.path,
                    fix="Pack the files themselves",
                )

    def _size(self, name: str) -> int:
        return self._infos[name].file_size

    def _open(self, name: str) -> IO[bytes]:
        info = self._infos[name]
        if info.flag_bits & 0x1:
            raise SourceError(
                "is encrypted", where=self.where(name), fix="Unpack it, and name the folder"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotImplementedError(f"compression method {info.compress_type}")
        return self._zip.open(info)


class _Metered(io.RawIOBase):
    """Counts what is really read against the limits, and names damage."""

    def __init__(self, container: Container, name: str, inner: IO[bytes]) -> None:
        self._container, self._name, self._inner = container, name, inner
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with damage_named(self._container.where(self._name)):
            data = self._inner.read(len(buffer))
        self._read += len(data)
        self._container.charge(self._name, self._read)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def open_container(source: str, limits: Limits | None = None) -> Container:
    """The container at the path `source`; a zip is known by its first bytes, not by its name.

    Raises SourceError when there is nothing there, it cannot be read, or it is a damaged zip.
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
            start = file.read(4)
    if not start:
        raise SourceError("is empty", where=source, fix="Download or export it again")
    kind = ZipContainer if start in _ZIP_START else FileContainer
    return kind(path, limits)


@contextmanager
def damage_named(where: str) -> Iterator[None]:
    """Turn what the system and the zip reader say of `where` into a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        place = error.filename if isinstance(error.filename, str) else where
        raise SourceError(
            f"cannot be read: {reason}", where=place, fix="Check the path and its permissions"
        ) from error
    except (NotImplementedError, RuntimeError) as error:
        raise SourceError(
            f"is packed in a way that is not supported ({error})",
            where=where,
            fix="Unpack it, and name the folder",
        ) from error
    except _DAMAGED as error:
        raise SourceError(f"is a damaged zip ({error})", where=where, fix=_AGAIN) from error


def _climbs_out(name: str) -> bool:
    plain = name.replace("\\", "/")
    absolute = plain.startswith("/") or plain[1:2] == ":" or "\0" in plain
    return absolute or ".." in PurePosixPath(plain).parts


def _raise(error: OSError) -> None:
    raise error
