"""Linters find nothing in action.yml, nor in the workflow that `hubtools init` writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.services.init import WORKFLOW, InitRequest, init
from tests.action.runner import ACTION
from tests.conftest import REPOSITORY

PROGRAMS = Path(sys.executable).parent


def lint(*command: str | Path, said: str | None = None) -> None:
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]],
        input=said, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["alone", "in a folder"])
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Of a project that is the whole repository, and of one with odd names that is a part."""
    folder, to = tmp_path, "local:hub"
    if request.param == "in a folder":
        folder, to = tmp_path / "my: 'models' #1", "https://hub.example"
        (tmp_path / ".git").mkdir()
    init(InitRequest(folder=folder, to=to), Reporter(), CancelToken())
    return tmp_path / WORKFLOW


def test_the_action() -> None:
    lint("zizmor", "--offline", "--pedantic", ACTION)
    lint("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)


def test_the_workflow(workflow: Path) -> None:
    lint("zizmor", "--offline", "--pedantic", workflow)
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)


def scripts() -> list[tuple[str, str]]:
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    return [(step["name"], step["run"]) for step in steps if "run" in step]


@pytest.mark.parametrize("script", [text for _, text in scripts()], ids=[n for n, _ in scripts()])
def test_the_scripts(script: str) -> None:
    assert "${{" not in script
    lint("shellcheck", "--shell=bash", "--severity=style", "-", said=script)


def test_the_programs_are_typed() -> None:
    lint("mypy", "--strict", *sorted((REPOSITORY / "hubtools/action").glob("*.py")))


def test_the_workflow_uses_inputs_that_the_action_has(workflow: Path) -> None:
    inputs = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["inputs"]
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    for job in jobs.values():
        assert (job["steps"][-1].get("with") or {}).keys() <= inputs.keys()
    assert "token" in jobs["apply"]["steps"][-1]["with"]
    assert "secrets" not in str(jobs["plan"])
