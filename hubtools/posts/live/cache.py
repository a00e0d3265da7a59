"""A cache of pages, so that an interrupted run resumes and a later one requests less.

    CACHE/live/NETWORK/ACCOUNT/account.json          whose posts these are, and from which server
                              /LIST/state.json       how far each walk got
                              /LIST/0001-00002.json  the posts of page 2 of walk 1

A walk goes from the newest post backwards; a later one ends where it meets an earlier one. Only
what becomes a Post is saved: the texts of public posts, and for reposts only that they exist. The
folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from filelock import FileLock, Timeout

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import SourceError
from hubtools.core.files import write_atomically, writing
from hubtools.posts.live.address import AccountAddress
from hubtools.posts.post import Post

ACCOUNT = "account.json"
LIVE = "live"
_LONGEST_NAME = 200


@dataclass(slots=True)
class Walk:
    pages: int = 0
    next: str | None = None
    """Where the page after the last saved one begins."""
    done: bool = False


@dataclass(slots=True)
class CacheState:
    """All walks, oldest first; only the last can be unfinished."""

    began: float
    left_out: bool = False
    walks: list[Walk] = field(default_factory=list)
    version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class PageCache:
    """The saved pages of one list of posts."""

    folder: Path

    def load(self) -> CacheState | None:
        """The saved state; None if there is none or a page is missing."""
        try:
            data = (self.folder / "state.json").read_bytes()
            state = msgspec.json.decode(data, type=CacheState)
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        complete = all(
            self._page(number, page).is_file()
            for number, walk in enumerate(state.walks, 1)
            for page in range(1, walk.pages + 1)
        )
        return state if complete else None

    def save(self, state: CacheState) -> None:
        write_atomically(self.folder / "state.json", msgspec.json.encode(state))

    def append(self, state: CacheState, posts: Sequence[Post]) -> None:
        """Write `posts` as one more page of the last walk."""
        walk = state.walks[-1]
        page = self._page(len(state.walks), walk.pages + 1)
        write_atomically(page, msgspec.json.encode(posts))
        walk.pages += 1

    def posts(self, walks: Sequence[Walk], first: int = 1) -> Iterator[Post]:
        """The posts of `walks`, numbered from `first`, latest walk first."""
        for number, walk in reversed(list(enumerate(walks, first))):
            for page in range(1, walk.pages + 1):
                yield from self._read(self._page(number, page))

    def clear(self) -> None:
        _remove(self.folder)

    def _page(self, walk: int, page: int) -> Path:
        return self.folder / f"{walk:04}-{page:05}.json"

    def _read(self, page: Path) -> list[Post]:
        try:
            return msgspec.json.decode(page.read_bytes(), type=list[Post])
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise SourceError(
                "is a damaged page of the cache",
                where=page,
                fix=f"Delete {self.folder} and run again",
            ) from error


@dataclass(frozen=True, slots=True)
class AccountCache:
    """Everything that is cached of one account."""

    folder: Path

    def pages(self, name: str) -> PageCache:
        return PageCache(self.folder / name)

    def describe(self, account: dict[str, Any]) -> None:
        """Save whose posts these are; pages from another server are removed."""
        before = described(self.folder)
        if before.get("server", account["server"]) != account["server"]:
            _remove(self.folder)
        if before != account:
            write_atomically(self.folder / ACCOUNT, json.dumps(account, ensure_ascii=False))

    @contextmanager
    def locked(self, cancel: CancelToken) -> Iterator[None]:
        """Wait until no other run writes here. Raises CancelledError once `cancel` is set."""
        with writing(self._lock):
            self._lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock)
        while not lock.is_locked:
            cancel.raise_if_cancelled()
            with suppress(Timeout):
                lock.acquire(timeout=1.0)
        try:
            yield
        finally:
            lock.release()

    @property
    def _lock(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.lock")

    def remove(self) -> None:
        _remove(self.folder)
        self._lock.unlink(missing_ok=True)


def account_cache(cache: Path, address: AccountAddress) -> AccountCache:
    """The cache of an account in the folder `cache`."""
    name = quote(address.handle.lower(), safe="@")
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return AccountCache(cache / LIVE / address.network / name)


def described(folder: Path) -> dict[str, Any]:
    """What an account's folder says about the account; empty if that cannot be read."""
    try:
        document = json.loads((folder / ACCOUNT).read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _remove(folder: Path) -> None:
    with writing(folder):
        if folder.is_dir():
            shutil.rmtree(folder)
