"""Cards become READMEs in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.bulk import RenderResult, render_all
from hubtools.cards.render import CardRenderer
from hubtools.cards.selection import select_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter
from hubtools.core.parallel import cores
from hubtools.services.targets import card_renderer, resolve_target
from hubtools.sync.target import LOCAL_NAMESPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """Which cards to render, and where to."""

    project: Project
    names: tuple[str, ...] | None = None
    """None: every card."""
    out: Path = Path("rendered")
    jobs: int | None = None
    """Processes; None: one per core."""
    namespace: str | None = None
    """Of the repository ids; None: the project's."""


def render_cards(request: RenderRequest, reporter: Reporter, cancel: CancelToken) -> RenderResult:
    """Write `out`/NAME/README.md for each card that changed; cards that fail are in the result.

    Raises CardError for a name without a card and for templates that cannot be used, OutputError
    when `out` cannot be written, PartlyDoneError when a process dies.
    """
    project = request.project
    files = select_cards(project.cards_folder, request.names)
    return render_all(
        files,
        request.out,
        project_renderer(project, request.namespace),
        jobs=request.jobs or cores(),
        reporter=reporter,
        cancel=cancel,
    )


def project_renderer(project: Project, namespace: str | None = None) -> CardRenderer:
    """The renderer of a project's cards, for the Hub that the project publishes to."""
    destination = resolve_target(project, namespace=namespace)
    return card_renderer(project, destination.target, destination.namespace or LOCAL_NAMESPACE)
