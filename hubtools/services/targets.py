"""Where models go: the one place that resolves --to, the environment and hubtools.toml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.render import CardRenderer
from hubtools.core.config import Project
from hubtools.core.repo_names import check_repo_name
from hubtools.sync.target import Target, parse_target


@dataclass(frozen=True, slots=True)
class Destination:
    """A Hub and a namespace on it."""

    target: Target
    namespace: str | None = None
    """None is `me` on a local Hub, and who the token belongs to elsewhere."""


def resolve_target(
    project: Project, to: str | None = None, namespace: str | None = None
) -> Destination:
    """The destination by argument, else environment (HUBTOOLS_TO, HUBTOOLS_NAMESPACE), else config.

    A relative `local:DIR` starts from the working directory, in hubtools.toml from its folder.
    Raises UsageError for what is not a target, and for a namespace that no Hub accepts.
    """
    given = to or os.environ.get("HUBTOOLS_TO")
    configured = project.config.hub
    target = parse_target(given, Path.cwd()) if given else parse_target(configured.to, project.root)
    owner = namespace
    if owner is None:
        owner = os.environ.get("HUBTOOLS_NAMESPACE") or configured.namespace
    return Destination(target, check_repo_name(owner) if owner is not None else None)


def card_renderer(project: Project, target: Target, namespace: str) -> CardRenderer:
    """The renderer of a project's cards for a Hub."""
    return CardRenderer(
        namespace, target.files_url, project.config.project, project.templates_folder
    )
