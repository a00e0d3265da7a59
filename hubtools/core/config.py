"""`hubtools.toml`, or `[tool.hubtools]` in pyproject.toml: what flags and environment leave open.

The nearest file wins, from the working directory upwards. Paths in it are relative to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubtools.core.errors import ConfigError
from hubtools.core.toml_tables import decode, read_toml


@dataclass(frozen=True, slots=True)
class HubConfig:
    """`[hub]`: where models go."""

    to: str = "local:hub"
    namespace: str | None = None
    private: bool = False
    max_changes: str | int = "10%"


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`[project]`: what a card's About says of who made it."""

    name: str | None = None
    url: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentConfig:
    """`[consent]`: whose posts are never touched."""

    deny: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All settings."""

    models: str = "models"
    hub: HubConfig = field(default_factory=HubConfig)
    project: ProjectConfig = field(default_factory=ProjectConfig)
    consent: ConsentConfig = field(default_factory=ConsentConfig)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of cards and models, and its settings."""

    root: Path
    config: Config = field(default_factory=Config)

    @property
    def cards_folder(self) -> Path:
        return self.root / "cards"

    @property
    def models_folder(self) -> Path:
        return self.root / self.config.models

    @property
    def templates_folder(self) -> Path:
        return self.root / "templates"


def find_project(start: Path | None = None) -> Project:
    """The project that `start` (default: the working directory) lies in.

    Raises ConfigError with file and key for an unknown key, a wrong type or broken TOML.
    """
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        file = candidate / "hubtools.toml"
        if file.is_file():
            table = read_toml(file, ConfigError)
            return Project(candidate, decode(table, Config, file, ConfigError))
        pyproject = candidate / "pyproject.toml"
        section = _pyproject_table(pyproject)
        if section is not None:
            return Project(candidate, decode(section, Config, pyproject, ConfigError))
    return Project(folder)


def _pyproject_table(file: Path) -> Mapping[str, Any] | None:
    if not file.is_file():
        return None
    table = read_toml(file, ConfigError).get("tool", {}).get("hubtools")
    return table if isinstance(table, dict) else None
