"""What `hubtools init` writes: settings, a folder of cards, a deny list and a workflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from hubtools.core.config import Config, ConsentConfig, Project, find_project
from hubtools.core.errors import OutputError, UsageError
from hubtools.core.files import write_atomically, writing
from hubtools.core.template_root import template_root

UNKNOWN_ACTION = "your-organization/hubtools@" + "0" * 40
"""Stands where nobody said which repository has the Action. No commit is called that."""
WORKFLOW = Path(".github/workflows/hubtools.yml")
_CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_ACTION = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+@[A-Za-z0-9_./-]+")
_ON_GITHUB = re.compile(
    r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)

Outcome = Literal["written", "unchanged", "kept"]
"""`kept` is what says something else than we would have written, and was left as it is."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person said of the project to be."""

    to: str
    namespace: str | None = None
    action: str | None = None
    """The Action as a workflow names it, `OWNER/REPO@COMMIT`."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What came of it. Files are named from the project's folder."""

    folder: Path
    files: Mapping[str, Outcome]
    action: str
    namespace: str | None

    def of(self, outcome: Outcome) -> list[str]:
        """The files that this became of."""
        return [name for name, one in self.files.items() if one == outcome]


def make_project(folder: Path, wishes: Wishes) -> Scaffold:
    """Write into `folder`, which is made where it is missing, what is not there yet.

    A file that says something else stays as it is; .gitignore gets the lines that it lacks. The
    workflow goes to the root of the git repository that `folder` is in, where GitHub looks for it.
    Raises ConfigError for settings that cannot be used, OutputError, and UsageError for an
    `action` that no workflow can name.
    """
    action = wishes.action or installed_action() or UNKNOWN_ACTION
    if not _ACTION.fullmatch(action):
        raise UsageError(f"--action {action!r} is no action", fix="Give OWNER/REPO@COMMIT")
    folder = folder.resolve()
    texts = [
        *_project_files(folder, wishes),
        (_repository(folder) / WORKFLOW, _workflow(folder, wishes, action)),
    ]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    files = {_shown(file, folder): _settle(file, text) for file, text in texts}
    return Scaffold(folder, files, action, find_project(folder).config.hub.namespace)


def installed_action() -> str | None:
    """The repository on GitHub and the commit that this hubtools was installed from, if any.

    By PEP 610: what pip wrote down of a git address, or of a folder that is a clone.
    """
    try:
        origin = json.loads(distribution("hubtools").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    url, commit = origin.get("url", ""), origin.get("vcs_info", {}).get("commit_id")
    if "dir_info" in origin:
        clone = unquote(url.removeprefix("file://"))
        url, commit = _git(clone, "remote", "get-url", "origin"), _git(clone, "rev-parse", "HEAD")
    found = _ON_GITHUB.fullmatch(url)
    return f"{found[1]}@{commit}" if found and commit else None


def _git(folder: str, *arguments: str) -> str:
    command = ["git", "-C", folder, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _project_files(folder: Path, wishes: Wishes) -> Iterator[tuple[Path, str]]:
    """The files of a project but the workflow, with what they should say."""
    found, settings = find_project(folder), folder / "hubtools.toml"
    # The settings of a folder above are not this project's, and one without any has defaults.
    here = found.root == folder and (settings.is_file() or found != Project(folder))
    config = found.config if here else Config(consent=ConsentConfig(deny="deny.txt"))
    if not here or settings.is_file():  # else they stand in pyproject.toml
        yield settings, _settings(wishes)
    yield folder / "cards" / "README.md", _text("cards.md")
    if config.consent.deny is not None:
        yield folder / config.consent.deny, _text("deny.txt")
    yield folder / ".gitignore", _gitignore(folder, (".hubtools", "hub", config.models))


def _repository(folder: Path) -> Path:
    """The root of the git repository that `folder` is in; `folder` itself without one."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)


def _shown(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()


def _settings(wishes: Wishes) -> str:
    return _render("hubtools.toml.j2", {"to": wishes.to, "namespace": wishes.namespace})


def _workflow(folder: Path, wishes: Wishes, action: str) -> str:
    directory = folder.relative_to(_repository(folder)).as_posix()
    inputs = {"working-directory": directory} if directory != "." else {}
    if wishes.to.startswith("http"):
        inputs["to"] = wishes.to
    for value in inputs.values():
        if "${{" in value:
            raise OutputError("would be an expression in a workflow", where=value)
    values = {"action": action, "checkout": _CHECKOUT, "inputs": inputs}
    return _render("workflow.yml.j2", values)


def _gitignore(folder: Path, names: tuple[str, ...]) -> str:
    """What .gitignore says, and what it does not say yet."""
    file = folder / ".gitignore"
    with writing(file):
        before = file.read_text(encoding="utf-8", errors="surrogateescape") if file.exists() else ""
    said = {line.strip().strip("/") for line in before.splitlines()}
    missing = [f"/{name}/\n" for name in names if name.strip("/") not in said]
    gap = "\n" if before and not before.endswith("\n") and missing else ""
    return before + gap + "".join(missing)


def _settle(file: Path, text: str) -> Outcome:
    """Write `file` where that takes nothing from anybody; what was done."""
    data = text.encode(errors="surrogateescape")
    with writing(file):
        if file.is_symlink() or file.exists():
            before = file.read_bytes()
            if before == data:
                return "unchanged"
            if not (file.name == ".gitignore" and data.startswith(before)):
                return "kept"
    write_atomically(file, data)
    return "written"


def _text(name: str) -> str:
    return (template_root() / "init" / name).read_text(encoding="utf-8")


def _render(name: str, values: Mapping[str, Any]) -> str:
    """A template whose marks are `<<` and `<%`, since workflows have braces of their own."""
    import tomlkit
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters["toml"] = lambda value: tomlkit.item(value).as_string()
    environment.filters["yaml"] = json.dumps
    return environment.from_string(_text(name)).render(values)
