"""The demo as a Space: the files that it needs."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hubtools.cards.frontmatter import dump_front_matter
from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.core.run_record import sealed_record
from hubtools.core.template_root import template_root
from hubtools.demo.options import Settings
from hubtools.services.init import installed_action

SPACE_RECORD = "space.json"
"""The digests of the other files, and its own: what they say is our work, and no edit."""
_RECIPE = "recipe.toml"


def space_files(space: str, settings: Settings) -> dict[str, str]:
    """The files of the Space, by name; the record of their digests is the last.

    Raises UsageError for what is no id of a Space, and for a base that only this machine has.
    """
    owner, slash, name = space.partition("/")
    if not slash:
        raise UsageError(f"{space!r} names no Space", fix="Give --space OWNER/NAME")
    check_repo_name(owner)
    check_repo_name(name)
    if Path(settings.base).is_dir():
        raise UsageError(
            "is a folder of this machine, which a Space does not have",
            where=settings.base,
            fix="Give --base a repository on the Hub, or 'scratch'",
        )
    recipe = Path(settings.recipe) if settings.recipe else None
    own = recipe.read_text(encoding="utf-8") if recipe and recipe.is_file() else None
    files = {
        "README.md": _readme(name),
        "app.py": _app(settings, _RECIPE if own is not None else settings.recipe),
        "requirements.txt": f"hf-hubtools[demo,train]{_origin()}\n",
    }
    if own is not None:
        files[_RECIPE] = own
    digests = {path: _sha256(text.encode()) for path, text in files.items()}
    return {**files, SPACE_RECORD: sealed_record({"space": space, "files": digests})}


def write_space(out: Path, space: str, settings: Settings) -> tuple[str, ...]:
    """Write the Space's files into the folder `out`; their names."""
    files = space_files(space, settings)
    for name, text in files.items():
        write_atomically(out / name, text)
    return tuple(files)


def _origin() -> str:
    """From where a Space installs the hubtools that this is."""
    repository, _, commit = (installed_action() or "").partition("@")
    if commit:
        return f" @ git+https://github.com/{repository}@{commit}"
    return f"=={version('hf-hubtools')}"


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


def _app(settings: Settings, recipe: str | None) -> str:
    limits = settings.limits
    return f'''"""The demo of hubtools, for everybody who comes by."""

from pathlib import Path

from hubtools.core.config import find_project
from hubtools.demo.limits import Limits
from hubtools.demo.server import serve
from hubtools.demo.options import Settings
from hubtools.cli.terminal import terminal_reporter
from hubtools.core.events import Reporter

HERE = Path(__file__).parent
RECIPE = {recipe!r}

if __name__ == "__main__":
    settings = Settings(
        base={settings.base!r},
        prompt={settings.prompt!r},
        seed={settings.seed!r},
        recipe=str(HERE / RECIPE) if RECIPE and (HERE / RECIPE).is_file() else RECIPE,
        private=False,
        limits=Limits(
            megabytes={limits.megabytes!r},
            minutes={limits.minutes!r},
            trainings={limits.trainings!r},
        ),
    )
    serve(settings, find_project(HERE), "0.0.0.0", 7860, terminal_reporter(), opening=False)
'''


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
