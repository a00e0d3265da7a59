"""The demo as a Space: the files that it needs, and how they get to the Hub.

Spaces are no models, so the fleet's plan does not have them; the rules are the same. The commit
is made on the head that was looked at, and a file that somebody else changed is never overwritten.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubtools.cards.frontmatter import dump_front_matter
from hubtools.cards.names import check_repo_name
from hubtools.demo.settings import Settings
from hubtools.errors import ConflictError, UsageError
from hubtools.files import write_atomically
from hubtools.record import read_record, sealed_record
from hubtools.sync.answers import asking
from hubtools.sync.target import HUGGING_FACE
from hubtools.templating import template_root

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_RECORD = "space.json"
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
        "requirements.txt": f"hubtools[demo,train]=={version('hubtools')}\n",
    }
    if own is not None:
        files[_RECIPE] = own
    digests = {path: _sha256(text.encode()) for path, text in files.items()}
    return {**files, _RECORD: sealed_record({"space": space, "files": digests})}


def write_space(out: Path, space: str, settings: Settings) -> tuple[str, ...]:
    """Write the Space's files into the folder `out`; their names."""
    files = space_files(space, settings)
    for name, text in files.items():
        write_atomically(out / name, text)
    return tuple(files)


def push_space(space: str, settings: Settings, endpoint: str = HUGGING_FACE) -> str:
    """Make the Space hold its files, in one commit; its address.

    Raises ConflictError when somebody else changed one of them, and what the Hub answers.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    files = space_files(space, settings)
    api = HfApi(endpoint=endpoint, library_name="hubtools")
    with asking(space):
        api.create_repo(space, repo_type="space", space_sdk="gradio", exist_ok=True)
        info = api.space_info(space)
        there = {
            name: _read(api, space, str(info.sha), name)
            for name in (sibling.rfilename for sibling in info.siblings or ())
            if name in files
        }
        changed = {n: t for n, t in files.items() if there.get(n) != t.encode()}
        foreign = _foreign(there, changed)
        if foreign:
            raise ConflictError(
                f"{', '.join(foreign)} on the Hub was changed by someone else",
                where=space,
                fix="Nothing was overwritten. Choose another name, or remove what is there",
            )
        if changed:
            operations = [CommitOperationAdd(n, t.encode()) for n, t in changed.items()]
            api.create_commit(
                space,
                operations,
                repo_type="space",
                commit_message="Put the demo here",
                parent_commit=info.sha,
            )
    return f"{endpoint}/spaces/{space}"


def _foreign(there: Mapping[str, bytes], changed: Mapping[str, str]) -> list[str]:
    """Those of the files there that are neither ours nor what a new Space begins with."""
    record = read_record(there.get(_RECORD))
    known = record.get("files", {})
    if not record and there.keys() <= {"README.md"}:
        return []  # the README with which the Hub makes every Space
    return sorted(
        name
        for name, data in there.items()
        if name in changed and name != _RECORD and known.get(name) != _sha256(data)
    )


def _read(api: HfApi, space: str, revision: str, name: str) -> bytes:
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url = f"{api.endpoint}/spaces/{space}/resolve/{revision}/{name}"
    headers = build_hf_headers(token=api.token, library_name=api.library_name)
    response = get_session().get(url, headers=headers, follow_redirects=True)
    hf_raise_for_status(response)
    return response.content


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

from hubtools.config import find_project
from hubtools.demo.limits import Limits
from hubtools.demo.server import serve
from hubtools.demo.settings import Settings
from hubtools.report import StderrReporter

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
    serve(settings, find_project(HERE), "0.0.0.0", 7860, StderrReporter(), opening=False)
'''


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
