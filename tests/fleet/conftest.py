"""A handful of accounts and a recipe that makes a model in a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.makers import write_accounts


@pytest.fixture
def accounts(folder: Path) -> Path:
    """The working directory, with archives of three accounts and the recipe `fast.toml`."""
    write_accounts(folder, 3)
    return folder
