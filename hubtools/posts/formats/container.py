"""A read-only view of what a person names as a source: an archive, a folder or a single file.

Members are read as streams and never extracted. Only requested members are opened, so an archive's
private ones stay closed. Every problem with a container is a SourceError: names that lead out of
it, symbolic links, encryption, more bytes than the limits allow, damage.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
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
_AGAIN = "Download it again; it is cut off or damaged"


def leads_out(name: str) -> bool:
    """Whether unpacking a member of this name would write outside the target folder."""
    plain = name.replace("\\", "/")
    absolute = plain.startswith("/") or plain[1:2] == ":" or "\0" in plain
    return absolute or ".." in PurePosixPath(plain).parts


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much one source may take, in bytes after decompression unless noted."""

    member: int = 1 << 30
    """One member; the largest real `tweets.js` have about 200 MB, and X now splits them."""
    total: int = 4 << 30
    """All opened members together."""
    record: int = 16 << 20
    """Characters in one JSON record."""
    field: int = 1 << 20
    """Characters in one CSV field; no network allows posts of more than 25,000."""
    picture: int = 16 << 20
    entries: int = 1_000_000
    """Names in an archive or a folder."""


class Container:
    """The members of a source by name: relative, with forward slashes."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self.path = path
        self.limits = limits
        self.names: tuple[str, ...] = ()
        """Every member, in the container's order."""
        self.outside: tuple[str, ...] = ()
        """Folders that are symbolic links out of the source; they are not followed."""

    def where(self, name: str) -> str:
        """A member as errors name it."""
        return str(self.path / name)

    def open(self, name: str) -> BinaryIO:
        """A member's bytes; reading raises SourceError for damage and beyond the limits."""
        with reporting_damage(self.where(name)):
            inner = self._open(name)
        return io.BufferedReader(_Metered(self, name, inner), 1 << 16)

    def read(self, name: str, limit: int) -> bytes:
        """All bytes of a small member. Raises SourceError if there are more than `limit`."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise SourceError(
                f"is larger than {limit:,} bytes",
                where=self.where(name),
                fix="Replace it by a smaller file",
            )
        return data

    def only(self, archives: Sequence[str]) -> str:
        """The only one of several archives in here. Raises SourceError if there are more."""
        if len(archives) > 1:
            listed = ", ".join(one or "." for one in archives)
            raise SourceError(
                f"contains several archives: {listed}"[:400],
                where=self.path,
                fix="Pass one of them",
            )
        return archives[0]

    def charge(self, name: str, size: int) -> None:
        """Count `size` bytes of a member; plain files do not expand."""

    def close(self) -> None:
        """Close what is open between reads; opening a member reopens it."""

    def _open(self, name: str) -> IO[bytes]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FileContainer(Container):
    """One file: a container with a single member."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        self.names = (path.name,)

    def where(self, name: str) -> str:
        return str(self.path)

    def _open(self, name: str) -> IO[bytes]:
        return self.path.open("rb")


class FolderContainer(Container):
    """A folder, read four levels deep; archives of posts have fewer."""

    _DEPTH = 4

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        self._root = path.resolve()
        with reporting_damage(str(path)):
            self.names = tuple(self._walk(path))

    def _walk(self, path: Path) -> Iterator[str]:
        """The files, including links out of the folder, which `_open` refuses."""
        count = 0
        for folder, folders, files in os.walk(path, onerror=_raise):
            here = Path(folder)
            count += len(folders) + len(files)
            if count > self.limits.entries:
                raise SourceError(
                    f"has more than {self.limits.entries:,} files",
                    where=self.path,
                    fix="Pass the archive's own folder",
                )
            self.outside += tuple(
                str(here / name) for name in folders if self._leads_out(here / name)
            )
            folders[:] = sorted(folders) if len(here.relative_to(path).parts) < self._DEPTH else []
            for name in sorted(files):
                if (here / name).is_file():
                    yield (here / name).relative_to(path).as_posix()

    def _leads_out(self, entry: Path) -> bool:
        return entry.is_symlink() and not entry.resolve().is_relative_to(self._root)

    def _open(self, name: str) -> IO[bytes]:
        if self._leads_out(self.path / name):
            raise SourceError(
                "is a symbolic link out of the folder",
                where=self.path / name,
                fix="Replace the link by the file",
            )
        return (self.path / name).open("rb")


class ArchiveContainer(Container):
    """A packed file: its entries are checked before any is read, and what they unpack to."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(path, limits)
        self._spent: dict[str, int] = {}

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def open(self, name: str) -> BinaryIO:
        self.charge(name, self._size(name))
        return super().open(name)

    def charge(self, name: str, size: int) -> None:
        """Count `size` bytes of a member. Raises SourceError beyond a limit."""
        self._spent[name] = max(size, self._spent.get(name, 0))
        for amount, limit in (
            (self._spent[name], self.limits.member),
            (sum(self._spent.values()), self.limits.total),
        ):
            if amount > limit:
                raise unpacks_too_far(self.where(name), limit)

    def check_entry(self, count: int, name: str, *, outside: bool, link: str | None) -> None:
        """Raises SourceError for entry number `count` if it must not be in an archive of posts."""
        fix = "Check where this file comes from"
        if count > self.limits.entries:
            raise SourceError(
                f"has more than {self.limits.entries:,} entries", where=self.path, fix=fix
            )
        if outside:
            raise SourceError(
                f"has an entry that would unpack outside the folder: {name!r}",
                where=self.path,
                fix=f"{fix}; archives of posts have no such names",
            )
        if link is not None:
            raise SourceError(
                f"has a {link}: {name!r}", where=self.path, fix="Pack the file itself"
            )

    def _size(self, name: str) -> int:
        """The size that the archive declares, in bytes."""
        raise NotImplementedError


def unpacks_too_far(where: str, limit: int) -> SourceError:
    return SourceError(
        f"unpacks to more than {limit:,} bytes, more than any archive of posts",
        where=where,
        fix="Check where this file comes from",
    )


class _Metered(io.RawIOBase):
    """Counts the bytes that are actually read against the limits, and reports damage."""

    def __init__(self, container: Container, name: str, inner: IO[bytes]) -> None:
        self._container, self._name, self._inner = container, name, inner
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with reporting_damage(self._container.where(self._name)):
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
def reporting_damage(where: str) -> Iterator[None]:
    """Turn errors of the system and of archive readers into SourceErrors about `where`."""
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
            f"uses an unsupported format ({error})",
            where=where,
            fix="Unpack it and pass the folder",
        ) from error
    except _DAMAGED as error:
        kind = "archive" if isinstance(error, tarfile.TarError) else "zip"
        raise SourceError(f"is a damaged {kind} ({error})", where=where, fix=_AGAIN) from error


def _raise(error: OSError) -> None:
    raise error
