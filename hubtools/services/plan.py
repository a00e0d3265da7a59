"""What would change on a Hub, and why; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.card_file import load_card
from hubtools.cards.selection import all_cards, named_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import PolicyError
from hubtools.core.events import Reporter
from hubtools.posts.deny_list import DenyList, read_deny_list
from hubtools.services.desired import desired_states, is_merged
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import resolve_target
from hubtools.sync.observe import CardRepo, UnreadableError, observe, read_file
from hubtools.sync.plan import Plan
from hubtools.sync.plan_text import readme_diff
from hubtools.sync.planner import plan_changes
from hubtools.sync.repo_state import README, Desired, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """Cards by name, or all of them, and where they go."""

    project: Project
    names: tuple[str, ...] = ()
    to: str | None = None
    namespace: str | None = None
    diffs: bool = False
    """Whether to read the READMEs that would change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A plan, and the diff of each README that would change or was edited, by repository."""

    plan: Plan
    diffs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedCards:
    """A plan with the desired states that it was made from."""

    plan: Plan
    desired: tuple[Desired, ...]


def plan(request: PlanRequest, reporter: Reporter, cancel: CancelToken) -> PlanResult:
    """Plan what `apply` would change. Raises as `plan_cards` does."""
    project, names = request.project, request.names
    destination = resolve_target(project, request.to, request.namespace)
    folder = project.cards_folder
    files = named_cards(folder, names) if names else all_cards(folder)
    with open_session(project, destination, reporter, cancel, writing=False) as session:
        made = plan_cards(session, files, full=not names).plan
        diffs = tuple(_diffs(session, made, files)) if request.diffs else ()
    return PlanResult(plan=made, diffs=diffs)


def plan_cards(session: HubSession, files: Sequence[Path], *, full: bool) -> PlannedCards:
    """What would change for the cards in `files`, and with `full` which repositories have none.

    Raises CardError for a card that cannot be rendered, PolicyError for one whose account is on
    the deny list and that is not retired, CancelledError, and what requests raise.
    """
    denied = read_deny_list(session.project)
    repos: list[CardRepo] = []
    with session.reporter.task("Rendering", len(files)) as bar:
        for file, card, desired in desired_states(session, files):
            _refuse_denied(card, file, denied)
            repos.append(CardRepo(desired, partial(is_merged, card_file=file)))
            bar.advance(len(repos))
    remote = observe(session.hub, session.namespace, repos, session.cache, session.reporter)
    states = tuple(repo.desired for repo in repos)
    changes = plan_changes(states, remote, session.namespace, full=full)
    requests = len(session.hub.transport.sent)
    made = Plan(str(session.target), session.namespace, changes, requests, full=full)
    return PlannedCards(made, states)


def _refuse_denied(card: Card, file: Path, denied: DenyList) -> None:
    if card.state == "retired":
        return
    for account in (*card.accounts, *(CardAccount(handle=handle) for handle in card.handles)):
        if denied.names(account):
            raise PolicyError(
                f"@{account.handle} is on the deny list; nothing was sent",
                where=file,
                fix=f"Run `hubtools retire {card.repo}` to take the model down",
            )


def _diffs(session: HubSession, plan: Plan, files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    by_name = {file.stem.casefold(): file for file in files}
    for change in (*plan.pending, *plan.of("conflict")):
        if README not in change.files and change.action != "conflict":
            continue
        remote = b""
        if change.revision is not None:
            try:
                revision = Revision(change.repo, change.revision)
                remote = read_file(session.hub, revision, README) or b""
            except UnreadableError:
                continue
        local = session.renderer.render(load_card(by_name[change.name.casefold()]))
        yield change.repo, readme_diff(change, remote.decode("utf-8", errors="replace"), local)
