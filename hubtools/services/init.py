"""Create a project: settings, a folder for cards, a deny list and a GitHub workflow."""

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

import tomlkit
from jinja2 import Environment, StrictUndefined

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Config, ConsentConfig, HubConfig, Project, find_project
from hubtools.core.errors import OutputError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically, writing
from hubtools.core.repo_names import check_repo_name
from hubtools.core.template_root import template_root
from hubtools.sync.target import parse_target

UNKNOWN_ACTION = "your-organization/hubtools@" + "0" * 40
"""A placeholder where the repository of the Action is not known."""
WORKFLOW = Path(".github/workflows/hubtools.yml")
_CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_ACTION = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+@[A-Za-z0-9_./-]+")
_ON_GITHUB = re.compile(
    r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)

Outcome = Literal["written", "unchanged", "kept"]
"""`kept`: the file exists with other contents and was left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """The project to create."""

    folder: Path
    to: str | None = None
    """The target for `hubtools.toml`; None writes the default."""
    namespace: str | None = None
    action: str | None = None
    """The GitHub Action as a workflow names it, `OWNER/REPO@COMMIT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """The project's folder and files, which are named relative to it."""

    folder: Path
    files: Mapping[str, Outcome]
    action: str
    namespace: str | None
    workflow: str
    """The workflow among `files`."""

    def of(self, outcome: Outcome) -> list[str]:
        return [name for name, one in self.files.items() if one == outcome]


def init(request: InitRequest, reporter: Reporter, cancel: CancelToken) -> InitResult:
    """Write the files of a project that do not exist yet, making its folder when it is missing.

    A file with other contents stays as it is; .gitignore gets the lines that it lacks. The
    workflow goes to the root of the git repository around the folder, where GitHub looks for it.
    Raises UsageError for a target, namespace or action that cannot be used, ConfigError for
    existing settings that cannot be read, and OutputError.
    """
    action = request.action or installed_action() or UNKNOWN_ACTION
    if not _ACTION.fullmatch(action):
        raise UsageError("not a GitHub Action", where=action, fix="Write OWNER/REPO@COMMIT")
    if request.namespace is not None:
        check_repo_name(request.namespace)
    to = request.to or HubConfig().to
    folder = request.folder.resolve()
    parse_target(to, folder)
    workflow = _repository(folder) / WORKFLOW
    texts = [
        *_project_files(folder, to, request.namespace),
        (workflow, _workflow(folder, to, action)),
    ]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return InitResult(
        folder=folder,
        files={_relative(file, folder): _write_missing(file, text) for file, text in texts},
        action=action,
        namespace=find_project(folder).config.hub.namespace,
        workflow=_relative(workflow, folder),
    )


def installed_action() -> str | None:
    """The GitHub repository and commit that hubtools was installed from, if that is known.

    Read from `direct_url.json` (PEP 610), which pip writes for a git address or a local clone.
    """
    try:
        origin = json.loads(distribution("hf-hubtools").read_text("direct_url.json") or "{}")
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


def _project_files(folder: Path, to: str, namespace: str | None) -> Iterator[tuple[Path, str]]:
    found, settings = find_project(folder), folder / "hubtools.toml"
    # Settings in a folder above belong to another project.
    here = found.root == folder and (settings.is_file() or found != Project(folder))
    config = found.config if here else Config(consent=ConsentConfig(deny="deny.txt"))
    if not here or settings.is_file():  # else they stand in pyproject.toml
        yield settings, _render("hubtools.toml.j2", {"to": to, "namespace": namespace})
    yield folder / "cards" / "README.md", _text("cards.md")
    if config.consent.deny is not None:
        yield folder / config.consent.deny, _text("deny.txt")
    yield folder / ".gitignore", _gitignore(folder, (".hubtools", "hub", config.models))


def _repository(folder: Path) -> Path:
    """The root of the git repository that `folder` is in; `folder` itself without one."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)


def _relative(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()


def _workflow(folder: Path, to: str, action: str) -> str:
    directory = folder.relative_to(_repository(folder)).as_posix()
    inputs = {"working-directory": directory} if directory != "." else {}
    if to.startswith("http"):
        inputs["to"] = to
    for value in inputs.values():
        if "${{" in value:
            raise OutputError("would be evaluated as an expression in the workflow", where=value)
    values = {"action": action, "checkout": _CHECKOUT, "inputs": inputs}
    return _render("workflow.yml.j2", values)


def _gitignore(folder: Path, names: tuple[str, ...]) -> str:
    file = folder / ".gitignore"
    with writing(file):
        before = file.read_text(encoding="utf-8", errors="surrogateescape") if file.exists() else ""
    present = {line.strip().strip("/") for line in before.splitlines()}
    missing = [f"/{name}/\n" for name in names if name.strip("/") not in present]
    gap = "\n" if before and not before.endswith("\n") and missing else ""
    return before + gap + "".join(missing)


def _write_missing(file: Path, text: str) -> Outcome:
    """Write `file` unless it exists with other contents; only .gitignore may be extended."""
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
    """Render a template delimited by `<<` and `<%`, since workflows use braces themselves."""
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
