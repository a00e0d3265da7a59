"""A served local Hub and the unmodified client in front of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubtools.localhub.model import Query
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store


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
    with store.view() as view:
        left = view.page(Query()).repos
    for repo in left:
        store.delete(repo.id)


@pytest.fixture
def api(url: str) -> HfApi:
    return HfApi(endpoint=url, token="any")


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
