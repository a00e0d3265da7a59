"""A read-only view of what a person names as a source: an archive, a folder or a single file.

Members are read as streams and never extracted. A view lists the names that it has and opens only
what it is asked for, so private members of an archive stay closed. Whatever is wrong with the
container is a SourceError: names that climb out, symbolic links, encryption, more bytes than the
limits allow, damage.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

from hubtools.core.errors import SourceError

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
)
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
    """Names in an archive or a folder."""


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
        """Let go of the file; it is opened again when a member is."""

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

    def charge(self, name: str, size: int) -> None:
        """A file is as large as it looks."""

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

    def close(self) -> None:
        """Nothing stays open between reads."""

    def charge(self, name: str, size: int) -> None:
        """Files are as large as they look."""

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

    def seekable(self) -> bool:
        return self._inner.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        self._inner.close()
        super().close()


@contextmanager
def damage_named(where: str) -> Iterator[None]:
    """Turn what the system and the zip reader say of `where` into a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except gzip.BadGzipFile as error:
        raise SourceError(f"is a damaged archive ({error})", where=where, fix=_AGAIN) from error
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
        raise SourceError(
            f"is a damaged {_kind(error)} ({error})", where=where, fix=_AGAIN
        ) from error


def _kind(error: Exception) -> str:
    return "archive" if isinstance(error, tarfile.TarError) else "zip"


def _raise(error: OSError) -> None:
    raise error
