"""`hubtools init`: a project that works as it stands, and nothing of anybody's lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from typer.testing import CliRunner, Result

from hubtools.cli.app import app
from hubtools.core.config import HubConfig, find_project
from hubtools.services import init as scaffold
from hubtools.services.init import UNKNOWN_ACTION, WORKFLOW, installed_action
from tests.makers import command

ALL = ["hubtools.toml", "cards/README.md", "deny.txt", ".gitignore", str(WORKFLOW)]


@pytest.fixture(autouse=True)
def from_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hubtools of which nobody knows where it was installed from."""
    monkeypatch.setattr(scaffold, "installed_action", lambda: None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        file: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_what_is_written_works(folder: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.stderr
    assert [file for file in ALL if not (folder / file).is_file()] == []
    assert find_project().config.hub == HubConfig()
    assert find_project().config.consent.deny == "deny.txt"
    for verb in (["plan"], ["status"], ["cards", "check", "--all"]):
        done = command(*verb, cwd=folder)
        assert done.returncode == 0, done.stderr


def test_the_readmes_example_is_a_card(folder: Path) -> None:
    run()
    readme = folder / "cards" / "README.md"
    found = re.search(r"```toml\n(.*?)```", readme.read_text(), re.DOTALL)
    assert found
    (folder / "cards" / "harbourlog.toml").write_text(found[1])
    assert command("cards", "check", "--all", cwd=folder).returncode == 0
    plan = command("plan", "--json", cwd=folder)
    assert [c["repo"] for c in json.loads(plan.stdout)["changes"]] == ["me/harbourlog"]


def test_a_second_run_changes_nothing(folder: Path) -> None:
    run()
    before = contents(folder)
    result = run()
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert contents(folder) == before
    done = json.loads(run("--json").stdout)
    assert (done["written"], done["unchanged"], done["kept"]) == ([], ALL, [])


def test_what_says_something_else_stays(folder: Path) -> None:
    (folder / "hubtools.toml").write_text('models = "weights"\n[hub]\nnamespace = "acme"\n')
    (folder / "cards").mkdir()
    (folder / "cards" / "README.md").write_text("mine")
    before = contents(folder)
    result = run("--namespace", "other")
    assert result.exit_code == 0
    assert re.findall(r"^  = (\S+)", result.stdout, re.MULTILINE) == [
        "hubtools.toml",
        "cards/README.md",
    ]
    assert contents(folder).items() >= before.items()
    assert not (folder / "deny.txt").exists()  # the settings name no deny list
    assert "/weights/\n" in (folder / ".gitignore").read_text()
    assert "namespace" not in result.stdout


def test_settings_in_pyproject_stay_there(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.hubtools.consent]\ndeny = "no.txt"\n')
    assert run().exit_code == 0
    assert not (folder / "hubtools.toml").exists()
    assert (folder / "no.txt").is_file()


def test_gitignore_gets_what_it_lacks(folder: Path) -> None:
    (folder / ".gitignore").write_bytes(b"*.pyc\nmodels/\n\xff.log")
    run()
    assert (folder / ".gitignore").read_bytes() == (
        b"*.pyc\nmodels/\n\xff.log\n/.hubtools/\n/hub/\n"
    )
    assert ".gitignore" in json.loads(run("--json").stdout)["unchanged"]


def test_flags_are_written_down(folder: Path) -> None:
    result = run("new", "--namespace", "acme", "--to", 'local:a"b')
    assert "  cd new\n" in result.stdout
    assert find_project(folder / "new").config.hub == HubConfig('local:a"b', "acme")
    assert "to" not in uses(folder / "new" / WORKFLOW).get("with", {})
    run("far", "--to", "https://hub.example")
    assert uses(folder / "far" / WORKFLOW)["with"] == {"to": "https://hub.example"}


def uses(workflow: Path, job: str = "plan") -> dict[str, object]:
    step = yaml.safe_load(workflow.read_text())["jobs"][job]["steps"][-1]
    assert isinstance(step, dict)
    return step


def test_the_workflow_lies_where_github_looks(folder: Path) -> None:
    (folder / ".git").mkdir()
    done = json.loads(run("my models", "--json").stdout)
    assert f"../{WORKFLOW}" in done["written"]
    assert uses(folder / WORKFLOW)["with"] == {"working-directory": "my models"}
    assert "token" in str(uses(folder / WORKFLOW, "apply")["with"])


def test_a_folder_that_would_be_an_expression_is_refused(folder: Path) -> None:
    (folder / ".git").mkdir()
    result = run("${{ secrets.HF_TOKEN }}")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert contents(folder) == {}


def test_where_the_action_comes_from(folder: Path) -> None:
    result = run()
    assert uses(folder / WORKFLOW)["uses"] == UNKNOWN_ACTION
    assert f"in {WORKFLOW}: uses: …" in result.stdout
    action = "acme/tools/hub@" + "a" * 40
    assert "uses: …" not in run("other", "--action", action).stdout
    assert uses(folder / "other" / WORKFLOW)["uses"] == action
    assert uses(folder / "other" / WORKFLOW, "apply")["uses"] == action


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ({"url": "https://github.com/acme/hub.git", "vcs_info": {"commit_id": "HEAD"}}, True),
        ({"url": "ssh://git@github.com/acme/hub", "vcs_info": {"commit_id": "HEAD"}}, True),
        ({"url": "file://CLONE", "dir_info": {"editable": True}}, True),
        ({"url": "https://git.example/acme/hub", "vcs_info": {"commit_id": "HEAD"}}, False),
        ({"url": "file:///nowhere", "dir_info": {}}, False),
        ({"url": "file:///hub.whl", "archive_info": {}}, False),
    ],
    ids=["https", "ssh", "clone", "elsewhere", "gone", "wheel"],
)
def test_it_is_the_commit_that_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, origin: dict[str, object], known: bool
) -> None:
    clone = folder / "a clone"
    clone.mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for arguments in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "a"],
        ["remote", "add", "origin", "git@github.com:acme/hub.git"],
    ):
        subprocess.run([*git, *arguments], cwd=clone, check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout.strip()
    info = folder / "hf_hubtools-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hf-hubtools\nVersion: 1\n")
    said = json.dumps(origin).replace("CLONE", quote(str(clone))).replace("HEAD", head)
    (info / "direct_url.json").write_text(said)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    assert installed_action() == (f"acme/hub@{head}" if known else None)


MISTAKES = {
    "action": (["--action", "acme/hubtools"], 2, "acme/hubtools"),
    "injected": (["--action", "a/b@c\n - run: x"], 2, "a/b@c - run: x"),
    "namespace": (["--namespace", "a b"], 2, "'a b'"),
    "target": (["--to", "nowhere"], 2, "nowhere"),
    "file": (["taken"], 1, "taken: "),
    "settings": (["broken"], 1, "broken/hubtools.toml: unknown key 'hubb'. Did you mean 'hub'?"),
}


@pytest.mark.parametrize(("arguments", "code", "named"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(folder: Path, arguments: list[str], code: int, named: str) -> None:
    (folder / "taken").write_text("")
    (folder / "broken").mkdir()
    (folder / "broken" / "hubtools.toml").write_text("hubb = 1\n")
    before = contents(folder)
    result = run(*arguments)
    assert result.exit_code == code
    assert named in result.stderr
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert contents(folder) == before
