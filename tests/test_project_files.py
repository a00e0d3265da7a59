"""The repository's own files: workflows, templates, metadata. Linters find nothing in them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

PROGRAMS = Path(sys.executable).parent
GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    "CITATION.cff": "citation-file-format",
    ".github/dependabot.yml": "dependabot",
    ".github/ISSUE_TEMPLATE/config.yml": "github-issue-config",
    ".github/ISSUE_TEMPLATE/bug.yml": "github-issue-forms",
    ".github/ISSUE_TEMPLATE/feature.yml": "github-issue-forms",
    **{f".github/workflows/{file.name}": "github-workflows" for file in WORKFLOWS},
}


def lint(program: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [PROGRAMS / program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def project() -> dict[str, object]:
    return dict(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"])


def test_workflows_are_safe() -> None:
    lint("zizmor", "--offline", "--pedantic", GITHUB)


@pytest.mark.parametrize("file", SCHEMAS)
def test_files_fit_their_schema(file: str) -> None:
    lint("check-jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[file]}", REPOSITORY / file)


def test_scripts_are_clean() -> None:
    lint("shellcheck", REPOSITORY / ".ci/run")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_a_release_needs_no_token() -> None:
    text = (GITHUB / "workflows/release.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    assert "secrets." not in text
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}


def test_every_supported_python_is_tested() -> None:
    classifiers = project()["classifiers"]
    assert isinstance(classifiers, list)
    promised = [c.rpartition(" ")[2] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    jobs = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text())["jobs"]
    assert jobs["linux"]["strategy"]["matrix"]["python"] == promised
    assert f">={promised[0]}" == project()["requires-python"]


def test_the_paths_that_ci_tests_exist() -> None:
    text = (GITHUB / "workflows/ci.yml").read_text()
    for path in re.findall(r"tests/[\w./]+", text):
        assert (REPOSITORY / path).exists(), path


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["version"] == project()["version"]


def test_every_link_leads_to_the_one_repository() -> None:
    urls = project()["urls"]
    assert isinstance(urls, dict)
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} == set(urls)
    assert all(url.startswith(urls["Source"]) for url in urls.values())
    named = set()
    for file in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *GITHUB.rglob("*.*")):
        named |= set(re.findall(r"github\.com/([\w.-]+/hubtools)\b", file.read_text()))
    assert named == {"hf-hubtools/hubtools"}


def test_every_promised_installation_works_before_the_first_release() -> None:
    """From git or from a clone. Remove this test with the release."""
    wrong = []
    for folder in ("hubtools", "docs", "templates", "examples", "."):
        pattern = "*.md" if folder == "." else "**/*"
        for file in (REPOSITORY / folder).glob(pattern):
            if file.suffix in (".py", ".md", ".j2", ".ipynb"):
                text = file.read_text(encoding="utf-8")
                found = re.findall(
                    r"pip install '?hf-hubtools(?:\[[^]]*\]|(?!\[))(?! @ git)[^\n]*", text
                )
                wrong += [f"{file.relative_to(REPOSITORY)}: {line}" for line in found]
    assert not wrong, "\n".join(wrong)


def test_constraints_name_every_direct_dependency() -> None:
    """What CI installs is what the file says: no version is left to chance."""
    pinned = {
        _name(line) for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }  # fmt: skip
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    direct = {
        _name(line) for lines in (project()["dependencies"], *extras.values()) for line in lines
    }
    assert direct - {"hf_hubtools"} <= pinned


def _name(line: str) -> str:
    found = re.match(r"[\w.-]+", line)
    assert found is not None, line
    return re.sub(r"[-_.]+", "_", found[0]).lower()
