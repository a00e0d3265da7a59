"""Pages already read, kept so that an interrupted run goes on and a later one asks for less.

    CACHE/live/NETWORK/ACCOUNT/account.json        whose posts these are, and from where
                              /STREAM/state.json   how far each walk came
                              /STREAM/0001-00002.json   posts of page 2 of walk 1

A walk goes from the newest post backwards; a later one ends where it meets an earlier one. Only
what becomes a Post is kept: public posts' texts, and of reposts nothing but that they are there.
The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hubtools.core.errors import SourceError
from hubtools.core.files import write_atomically, writing
from hubtools.posts.live.address import Address
from hubtools.posts.post import Post

_VERSION = 1
ACCOUNT = "account.json"
LIVE = "live"
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Walk:
    """One way through the pages, from the newest backwards."""

    pages: int = 0
    next: str | None = None
    """Where the page after the last one kept begins."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All walks, the oldest first; only the last can be unfinished."""

    began: float
    left_out: bool = False
    """Whether posts were seen that are not public."""
    walks: tuple[Walk, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of posts that a network gives out in pages."""

    folder: Path

    def load(self) -> State | None:
        """What is kept; None when that is nothing, or not whole."""
        try:
            document = json.loads((self.folder / "state.json").read_bytes())
            if document.pop("version") != _VERSION:
                return None
            walks = tuple(Walk(**walk) for walk in document.pop("walks"))
            state = State(**document, walks=walks)
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return None
        whole = all(
            self._page(number, page).is_file()
            for number, walk in enumerate(walks, 1)
            for page in range(1, walk.pages + 1)
        )
        return state if whole else None

    def save(self, state: State) -> None:
        document = {"version": _VERSION, **asdict(state)}
        write_atomically(self.folder / "state.json", json.dumps(document))

    def keep(self, state: State, posts: Sequence[Post]) -> State:
        """`state` with `posts` as one more page of its last walk, which is written first."""
        number, walk = len(state.walks), state.walks[-1]
        page = self._page(number, walk.pages + 1)
        rows = [_pack(post) for post in posts]
        write_atomically(page, json.dumps(rows, ensure_ascii=False))
        return replace(state, walks=(*state.walks[:-1], replace(walk, pages=walk.pages + 1)))

    def posts(self, walks: Sequence[Walk], first: int = 1) -> Iterator[Post]:
        """The posts of `walks`, numbered from `first`, the latest walk first."""
        for number, walk in reversed(list(enumerate(walks, first))):
            for page in range(1, walk.pages + 1):
                yield from self._read(self._page(number, page))

    def clear(self) -> None:
        _remove(self.folder)

    def _page(self, walk: int, page: int) -> Path:
        return self.folder / f"{walk:04}-{page:05}.json"

    def _read(self, page: Path) -> list[Post]:
        try:
            return [_unpack(row) for row in json.loads(page.read_bytes())]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise SourceError(
                "the copy of this page cannot be read",
                where=page,
                fix=f"Remove {self.folder} and run again",
            ) from error


@dataclass(frozen=True, slots=True)
class AccountCache:
    """What is kept of one account."""

    folder: Path

    def stream(self, name: str) -> Stream:
        return Stream(self.folder / name)

    def describe(self, account: dict[str, Any]) -> None:
        """Say whose posts these are; pages from another server are removed."""
        before = described(self.folder)
        if before.get("server", account["server"]) != account["server"]:
            _remove(self.folder)
        if before != account:
            write_atomically(self.folder / ACCOUNT, json.dumps(account, ensure_ascii=False))

    @property
    def lock(self) -> Path:
        """Held by the run that writes here: two would each write the other's pages."""
        return self.folder.with_name(f".{self.folder.name}.lock")

    def remove(self) -> None:
        _remove(self.folder)
        self.lock.unlink(missing_ok=True)


def account_cache(cache: Path, address: Address) -> AccountCache:
    """The place for an account in the folder `cache`."""
    name = quote(address.handle.lower(), safe="@")
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return AccountCache(cache / LIVE / address.network / name)


def described(folder: Path) -> dict[str, Any]:
    """What an account's folder says of the account; empty when it does not."""
    try:
        document = json.loads((folder / ACCOUNT).read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _remove(folder: Path) -> None:
    with writing(folder):
        if folder.is_dir():
            shutil.rmtree(folder)


def _pack(post: Post) -> dict[str, Any]:
    values = ((name, getattr(post, name)) for name in Post.__slots__)
    row = {name: value for name, value in values if value not in (None, False, "")}
    if post.created is not None:
        row["created"] = post.created.isoformat()
    return row


def _unpack(row: dict[str, Any]) -> Post:
    created = row.get("created")
    when = None if created is None else datetime.fromisoformat(created)
    return Post(**{"text": "", **row, "created": when})
