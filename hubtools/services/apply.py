"""Make a Hub match the cards; someone else's edit is never overwritten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.selection import all_cards, named_cards
from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.services.desired import commit_builder
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import resolve_target
from hubtools.sync.apply import ApplyResult, apply_plan
from hubtools.sync.change_limit import change_limit
from hubtools.sync.plan import Plan
from hubtools.sync.plan_file import card_names, check_current


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """Cards by name, or all of them, or a plan that was saved; and where they go."""

    project: Project
    names: tuple[str, ...] = ()
    plan: Plan | None = None
    to: str | None = None
    namespace: str | None = None
    max_changes: str | int | None = None
    confirm: Callable[[Plan], bool] = lambda plan: True
    """Shows the plan that is about to be applied; False cancels."""


def apply(request: ApplyRequest, reporter: Reporter, cancel: CancelToken) -> ApplyResult:
    """Plan, confirm and apply, each change in one commit; what stood in the way is in the result.

    Raises ConflictError when cards or Hub are not what a saved plan was made from, PolicyError
    above the change limit, UsageError for a plan of another destination, CancelledError when it is
    not confirmed, and what planning raises. A run that is cancelled later has a result.
    """
    project, saved = request.project, request.plan
    limit = change_limit(request.max_changes, project.config.hub.max_changes)
    destination = resolve_target(
        project,
        request.to or (saved.to if saved else None),
        request.namespace or (saved.namespace if saved else None),
    )
    names = list(request.names) if saved is None else card_names(saved)
    full = not names if saved is None else saved.full
    folder = project.cards_folder
    files = all_cards(folder) if full else named_cards(folder, names)
    with open_session(project, destination, reporter, cancel, writing=True) as session:
        if saved is not None:
            _check_destination(saved, session)
        planned = plan_cards(session, files, full=full)
        if saved is not None:
            check_current(saved, planned.plan, planned.desired)
        limit.check(planned.plan, len(all_cards(folder)))
        if not request.confirm(planned.plan):
            raise CancelledError
        return apply_cards(session, planned.plan, files)


def apply_cards(session: HubSession, plan: Plan, files: Sequence[Path]) -> ApplyResult:
    """Apply a plan that was just made of the cards in `files`."""
    build = commit_builder(session, files)
    return apply_plan(plan, build, session.hub, session.cache, session.reporter)


def _check_destination(saved: Plan, session: HubSession) -> None:
    if (saved.to, saved.namespace) != (str(session.target), session.namespace):
        raise UsageError(
            f"the plan is for {saved.namespace} on {saved.to}, not for {session.namespace} on "
            f"{session.target}",
            fix="Use the same --to and --namespace",
        )
