"""A machine of GitHub's with nothing on it, a Hub and a GitHub."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubtools.localhub.access import Access
from hubtools.localhub.faults import Faults
from hubtools.localhub.server import serving
from tests.action.github import GitHub, github
from tests.action.runner import Runner, bare_environment
from tests.conftest import REPOSITORY

TOKEN = "hf_that_may_write"
CARD = 'repo = "{name}"\nlanguage = "en"\nprompt = "My dream is"\n'


@dataclass
class Place:
    """A repository of cards with its pull requests, and the Hub that it publishes to."""

    runner: Runner
    github: GitHub
    hub: HfApi
    faults: Faults

    @property
    def folder(self) -> Path:
        return self.runner.workspace

    def card(self, name: str, more: str = "", folder: str = ".") -> Path:
        file = self.folder / folder / "cards" / f"{name}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CARD.format(name=name) + more, encoding="utf-8")
        return file

    def readme(self, name: str) -> str:
        return Path(self.hub.hf_hub_download(f"acme/{name}", "README.md")).read_text()

    def edit(self, name: str) -> None:
        """What somebody does on the Hub's own pages."""
        text = self.readme(name).replace("My dream is", "Our dream was")
        self.hub.upload_file(
            path_or_fileobj=text.encode(), path_in_repo="README.md", repo_id=f"acme/{name}"
        )

    def models(self) -> set[str]:
        return {model.id for model in self.hub.list_models(author="acme")}


@pytest.fixture(scope="session")
def base_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that setup-python would bring: one without any package."""
    command = [sys.executable, "-c", "import sys; print(sys._base_executable)"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return Path(found)


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would bring along with hubtools: what its core needs, and nothing else."""
    folder = tmp_path_factory.mktemp("libraries")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    todo: list[list[str]] = [project["dependencies"]]
    seen: set[str] = set()
    while todo:
        for line in todo.pop():
            name, _, marker = line.partition(";")
            found = re.match(r"[\w.-]+", name)
            if "extra ==" in marker or not found or found[0] in seen:
                continue
            seen.add(found[0])
            try:
                files = distribution(found[0]).files or []
            except PackageNotFoundError:  # of another platform
                continue
            todo.append(distribution(found[0]).requires or [])
            for top in {Path(file.parts[0]) for file in files if file.parts[0] != ".."}:
                source = Path(str(distribution(found[0]).locate_file(top.name)))
                if source.exists() and not (folder / top).exists():
                    (folder / top).symlink_to(source)
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, REPOSITORY],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(
    tmp_path_factory: pytest.TempPathFactory, base_python: Path, libraries: Path, wheel: Path
) -> Path:
    """The virtual environment that the Action itself makes, on a machine without packages."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "checkout").mkdir()
    environment = bare_environment(folder / "home", base_python, libraries)
    runner = Runner(
        folder / "checkout", folder / "temp", base_python, "http://127.0.0.1:9", environment
    )
    job = runner.run("push", version=str(wheel))
    assert job.steps["Install hubtools"] == 0, job.log
    return next(folder.glob("temp/1/hubtools.*/venv"))


@pytest.fixture
def place(tmp_path: Path, installed: Path, base_python: Path, libraries: Path) -> Iterator[Place]:
    workspace, faults = tmp_path / "checkout", Faults()
    (workspace / "cards").mkdir(parents=True)
    access = Access("ada", ("acme",), TOKEN)
    with (
        github() as (state, api),
        serving(tmp_path / "hub", access=access, faults=faults) as url,
    ):
        (workspace / "hubtools.toml").write_text(
            f'[hub]\nto = "{url}"\nnamespace = "acme"\n', encoding="utf-8"
        )
        environment = bare_environment(tmp_path / "home", base_python, libraries)
        runner = Runner(workspace, tmp_path / "temp", base_python, api, environment, installed)
        yield Place(runner, state, HfApi(url, token=TOKEN), faults)
