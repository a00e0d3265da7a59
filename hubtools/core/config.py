"""The settings of a project: `hubtools.toml`, or `[tool.hubtools]` in pyproject.toml.

The file nearest to the working directory, going upwards, counts; its paths are relative to it.
Flags and environment variables take precedence.
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
    """`[hub]`: where models are published."""

    to: str = "local:hub"
    namespace: str | None = None
    private: bool = False
    max_changes: str | int = "10%"


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`[project]`: who a card names as its author."""

    name: str | None = None
    url: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentConfig:
    """`[consent]`: whose posts are never used."""

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
    """A folder of cards and models with its settings."""

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
    """The project around `start` (default: the working directory).

    Without settings, the folder itself is a project with the defaults. Raises ConfigError, which
    names file and key, for an unknown key, a wrong type or invalid TOML.
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
