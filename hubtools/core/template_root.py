"""Where the packaged templates lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def template_root() -> Path:
    """The folder of packaged templates: in the wheel inside the package, else in the repository."""
    packaged = _PACKAGE / "templates"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "templates"
