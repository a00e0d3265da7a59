"""The demo as it runs, with a recipe that trains in seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubtools.core.config import Project
from hubtools.demo.limits import Limits
from hubtools.demo.options import Settings
from hubtools.demo.sessions import Visits
from tests.makers import write_archive, write_recipe

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("posts") / "fogwatch.zip")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    recipe = write_recipe(tmp_path / "tiny.toml", epochs=2)
    return Settings(
        base="scratch",
        prompt="My dream is",
        seed=1,
        recipe=str(recipe),
        to=f"local:{tmp_path / 'hub'}",
        limits=Limits(megabytes=1),
    )


@pytest.fixture
def make_visits(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Visits]]:
    """Makes the visitors of a page, with other settings where a test needs them."""
    made: list[Visits] = []

    def make(chosen: Settings = settings, project: Project | None = None) -> Visits:
        made.append(Visits(chosen, project or Project(tmp_path)))
        return made[-1]

    yield make
    for visits in made:
        visits.close()
