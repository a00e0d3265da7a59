"""The files of the demo as a Space."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

from hubtools.cards.frontmatter import dump_front_matter
from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.core.run_record import sealed_record
from hubtools.core.template_root import template_root
from hubtools.demo.options import DemoOptions
from hubtools.services.init import installed_action

SPACE_RECORD = "space.json"
"""The digests of all files, its own included; they tell our work from an edit."""
_DISTRIBUTION = "hf-hubtools"
_RECIPE = "recipe.toml"


def space_files(space: str, options: DemoOptions) -> dict[str, str]:
    """The files of the Space, by name; the record of their digests is the last.

    Raises UsageError for an invalid id, and for a base that only this machine has.
    """
    owner, slash, name = space.partition("/")
    if not slash:
        raise UsageError(f"{space!r} is not the id of a Space", fix="Give --space OWNER/NAME")
    check_repo_name(owner)
    check_repo_name(name)
    if Path(options.base).is_dir():
        raise UsageError(
            "a folder on this machine, which a Space cannot read",
            where=options.base,
            fix="Use --base with a repository on the Hub, or 'scratch'",
        )
    recipe = Path(options.recipe) if options.recipe else None
    own = recipe.read_text(encoding="utf-8") if recipe and recipe.is_file() else None
    files = {
        "README.md": _readme(name),
        "app.py": _app(options if own is None else replace(options, recipe=_RECIPE)),
        "requirements.txt": f"{_requirement()}\n",
    }
    if own is not None:
        files[_RECIPE] = own
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    return {**files, SPACE_RECORD: sealed_record({"space": space, "files": digests})}


def write_space(out: Path, space: str, options: DemoOptions) -> tuple[str, ...]:
    """Write the Space's files into the folder `out`; their names."""
    files = space_files(space, options)
    for name, text in files.items():
        write_atomically(out / name, text)
    return tuple(files)


def _requirement() -> str:
    """What a Space installs: this very commit, or else the repository of the project.

    A version number alone may not be released yet.
    """
    repository, _, commit = (installed_action() or "").partition("@")
    if commit:
        return f"{_DISTRIBUTION}[demo,train] @ git+https://github.com/{repository}@{commit}"
    urls = dict(url.split(", ", 1) for url in metadata(_DISTRIBUTION).get_all("Project-URL") or ())
    source = urls.get("Repository") or urls.get("Source") or urls.get("Homepage")
    if source:
        return f"{_DISTRIBUTION}[demo,train] @ git+{source}"
    return f"{_DISTRIBUTION}[demo,train]=={version(_DISTRIBUTION)}"


def _readme(name: str) -> str:
    data: dict[str, Any] = {
        "title": name,
        "emoji": "🤖",
        "colorFrom": "green",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "app_file": "app.py",
        "suggested_hardware": "cpu-upgrade",
        "license": "apache-2.0",
    }
    body = (template_root() / "demo" / "space.md").read_text(encoding="utf-8")
    return f"{dump_front_matter(data)}\n{body}"


def _app(options: DemoOptions) -> str:
    return f'''"""The hubtools demo, for every visitor of this Space."""

import os
from pathlib import Path

from hubtools.cli.terminal import terminal_reporter
from hubtools.core.cancel import CancelToken
from hubtools.core.config import find_project
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.server import DemoRequest, serve_demo

HERE = Path(__file__).parent
OPTIONS = {replace(options, to="hf", private=False)!r}

if __name__ == "__main__":
    os.chdir(HERE)  # where a recipe of our own is
    request = DemoRequest(project=find_project(HERE), options=OPTIONS, host="0.0.0.0")
    serve_demo(request, terminal_reporter(), CancelToken())
'''
