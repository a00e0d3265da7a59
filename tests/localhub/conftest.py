"""A served local Hub and the unmodified client in front of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi

from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import Query

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

Visit = Callable[..., "Page"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for a Hub of the test's own."""
    return tmp_path / "hub"


@pytest.fixture(scope="session")
def hub_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder behind `url`."""
    return tmp_path_factory.mktemp("local") / "hub"


@pytest.fixture(scope="session")
def _served(hub_root: Path) -> Iterator[str]:
    with serving(hub_root) as endpoint:
        yield endpoint


@pytest.fixture
def store(hub_root: Path) -> Iterator[Store]:
    opened = Store(hub_root)
    yield opened
    opened.close()


@pytest.fixture
def url(_served: str, store: Store) -> Iterator[str]:
    """A server without models, shared by the tests because starting one takes a while."""
    yield _served
    with store.snapshot() as snapshot:
        left = snapshot.page(Query()).repos
    for repo in left:
        store.delete(repo.id)


@pytest.fixture
def api(url: str) -> HfApi:
    return HfApi(endpoint=url, token="any")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open an address in a window of its own; options are those of a Playwright context.

    At the end of the test no window may have logged an error, failed to load anything or asked
    another machine for anything.
    """
    contexts, problems, hosts = [], list[str](), set[str]()
    own = set[str]()

    def note(request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob"):
            hosts.add(urlsplit(request.url).netloc)

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(message.text)

    def opened(address: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("console", hear)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        own.add(urlsplit(address).netloc)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []
    assert hosts <= own


def check_consistency(root: Path) -> None:
    """Every commit has its parent, every file its content, and nothing half-written is left."""
    import sqlite3

    db = sqlite3.connect(root / "hub.sqlite3")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    for key, head, seq in db.execute("SELECT key, head, seq FROM repos").fetchall():
        rows = db.execute(
            "SELECT seq, oid, parent FROM commits WHERE repo = ? ORDER BY seq", (key,)
        ).fetchall()
        assert [row[0] for row in rows] == list(range(1, seq + 1))
        assert [row[2] for row in rows] == [None, *(row[1] for row in rows[:-1])]
        assert rows[-1][1] == head
    for sha256, size in db.execute("SELECT sha256, size FROM objects").fetchall():
        content = (root / "objects" / sha256[:2] / sha256).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size)
    db.close()
