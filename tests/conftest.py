"""Fixtures that several rooms use, and the list of slow tests at the end of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from tests import makers
from tests.makers import write_archive, write_recipe
from tests.training.makers import save_tiny_gpt2

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).parents[1]
NOBODY = 65534
SLOW = 15  # seconds

Unprivileged = Callable[[], AbstractContextManager[None]]
Once = Callable[[str, Callable[[Path], object]], Path]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List every test over 15 seconds, fixtures included; workers of xdist send their reports."""
    seconds: Counter[str] = Counter()
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid] += report.duration
    slow = [(name, spent) for name, spent in seconds.most_common() if spent > SLOW]
    if slow:
        terminalreporter.section(f"slower than {SLOW} seconds")
        for name, spent in slow:
            terminalreporter.write_line(f"{spent:6.1f}s {name}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unprivileged() -> Unprivileged:
    """A context without root's right to read and write everything."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no user ids on this system")

    @contextmanager
    def dropped() -> Iterator[None]:
        before = os.geteuid()
        if before == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(before)

    return dropped


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, one for all tests of a process: playwright can be started once in each."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright

    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=chromium, args=args)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real posts of other people, which do not belong to the project."""
    data = REPOSITORY.parent / "shared" / "data"
    if not data.is_dir():
        pytest.skip("needs ../shared/data")
    return data


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make a folder once per test run, whatever the number of workers: `once(name, make)`.

    `make` gets a path that does not exist yet. The folder is shared: copy it before you change it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, partial = shared / name, shared / f"{name}.partial"
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(partial, ignore_errors=True)
                make(partial)
                partial.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def wheel(once: Once) -> Path:
    """The wheel of this package."""
    return next(once("wheel", _build_wheel).glob("*.whl"))


def _build_wheel(folder: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, REPOSITORY], check=True, capture_output=True)


@pytest.fixture(scope="session")
def tiny_gpt2(once: Once) -> Path:
    """A folder with a random GPT-2 of two layers and a tokenizer as GPT-2 has it."""
    return once("tiny-gpt2", save_tiny_gpt2)


@pytest.fixture(scope="session")
def trained_project(once: Once) -> Path:
    """A project with a model that was really trained and published, by the command line.

    It holds `archive.zip` (300 posts of @fogwatch), `tiny.toml` (the recipe), `models/fogwatch`,
    `cards/fogwatch.toml` and the local Hub `hub`. Read only: `project_copy` is yours to change.
    """
    return once("trained-project", _train_project)


def _train_project(folder: Path) -> None:
    folder.mkdir()
    archive, recipe = write_archive(folder / "archive.zip"), write_recipe(folder / "tiny.toml")
    arguments = ("--base", "scratch", "--recipe", recipe.name, "--to", "local:hub", "-q")
    done = makers.command("publish", archive.name, *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def project_copy(trained_project: Path, folder: Path) -> Path:
    """A copy of the trained project, which is the working directory."""
    return Path(shutil.copytree(trained_project, folder, dirs_exist_ok=True))
