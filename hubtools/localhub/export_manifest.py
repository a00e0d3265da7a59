"""What an earlier export made: `-/export.json`, a fingerprint for each model's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically
from hubtools.core.template_root import template_root
from hubtools.localhub.names import parse_repo_id
from hubtools.localhub.types import Repo

_MANIFEST = "-/export.json"


def fingerprint(repo: Repo, *options: object) -> str:
    """A digest of all that a model's folder is made of."""
    text = repr((repo.head, repo.key, repo.private, options, _templates_digest()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _templates_digest() -> str:
    """A digest of the templates and the version."""
    digest = hashlib.sha256(version("hf-hubtools").encode())
    for file in sorted((template_root() / "web").iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def read_manifest(out: Path) -> dict[str, str]:
    """The fingerprints of an earlier export, by model; empty for a new folder.

    Raises UsageError for a folder that holds something else.
    """
    try:
        found = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if out.exists() and (not out.is_dir() or any(p.name != ".git" for p in out.iterdir())):
            raise UsageError(
                "not an exported site", where=out, fix="Choose a new or empty folder"
            ) from None
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            "cannot be read", where=out / _MANIFEST, fix="Delete the folder and export again"
        ) from error
    return {str(parse_repo_id(name)): str(value) for name, value in dict(found).items()}


def write_manifest(out: Path, fingerprints: Mapping[str, str]) -> None:
    write_atomically(out / _MANIFEST, json.dumps(fingerprints, indent=0, sort_keys=True) + "\n")
