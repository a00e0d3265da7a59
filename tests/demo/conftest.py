"""The demo as it runs, with a recipe that trains in seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubtools.core.config import Project
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.sessions import DemoSessions
from tests.makers import write_archive, write_recipe

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("posts") / "fogwatch.zip")


@pytest.fixture
def options(tmp_path: Path) -> DemoOptions:
    recipe = write_recipe(tmp_path / "tiny.toml", epochs=2)
    return DemoOptions(
        base="scratch",
        prompt="My dream is",
        seed=1,
        recipe=str(recipe),
        to=f"local:{tmp_path / 'hub'}",
        limits=DemoLimits(max_upload_mb=1),
    )


@pytest.fixture
def make_sessions(options: DemoOptions, tmp_path: Path) -> Iterator[Callable[..., DemoSessions]]:
    """Makes the sessions of a page, with other options where a test needs them."""
    made: list[DemoSessions] = []

    def make(chosen: DemoOptions = options, project: Project | None = None) -> DemoSessions:
        made.append(DemoSessions(chosen, project or Project(tmp_path)))
        return made[-1]

    yield make
    for sessions in made:
        sessions.close()
