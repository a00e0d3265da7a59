"""One server for all tests of this folder: each has a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from hubtools.localhub.faults import Faults
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from tests.sync.makers import Place

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def shared_faults() -> Faults:
    return Faults()


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("sync") / "hub")) as store:
        yield store


@pytest.fixture(scope="session")
def shared_url(shared_store: Store, shared_faults: Faults) -> Iterator[str]:
    with serving(shared_store.root, faults=shared_faults) as url:
        yield url


@pytest.fixture
def place(
    tmp_path: Path, shared_store: Store, shared_url: str, shared_faults: Faults
) -> Iterator[Place]:
    """A project without cards, and an empty namespace of the served Hub."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "hubtools.toml").write_text("")
    shared_faults.use()
    shared_faults.clear()
    yield Place(root, shared_store, shared_url, f"n{next(_NUMBERS)}", shared_faults)
    shared_faults.use()
