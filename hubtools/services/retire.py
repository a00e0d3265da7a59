"""Take a model down, and keep it down: the deny list, the card, then the Hub.

In that order, as each step alone errs on the safe side: an account on the list is never used
again, and a card that is retired is never published again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.cards.card import CardAccount
from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.selection import named_cards
from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter
from hubtools.posts.deny_list import deny
from hubtools.services.apply import apply_cards
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import resolve_target
from hubtools.sync.apply import ApplyResult
from hubtools.sync.commit import delete_repo


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireRequest:
    """The name of a card, and where its model is."""

    project: Project
    name: str
    delete: bool = False
    """Whether the repository is deleted instead of made private."""
    to: str | None = None
    namespace: str | None = None
    confirm: Callable[[str], bool] = lambda repo: True
    """Asked with the repository and its Hub, `acme/poet on hf`; False cancels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireResult:
    """A model that was taken down."""

    repo: str
    denied: tuple[str, ...]
    """Lines that are new on the deny list."""
    deleted: bool
    applied: ApplyResult | None


def retire(request: RetireRequest, reporter: Reporter, cancel: CancelToken) -> RetireResult:
    """Make a model private, or delete it; its card stays and says that it is retired.

    Raises CancelledError when it is not confirmed, OutputError when list or card cannot be
    written, and what requests raise; a rerun does the rest.
    """
    destination = resolve_target(request.project, request.to, request.namespace)
    (file,) = named_cards(request.project.cards_folder, [request.name])
    with open_session(request.project, destination, reporter, cancel, writing=True) as session:
        if not request.confirm(f"{session.namespace}/{request.name} on {session.target}"):
            raise CancelledError
        return retire_card(session, file, delete=request.delete)


def retire_card(session: HubSession, file: Path, *, delete: bool) -> RetireResult:
    """Take the model of the card in `file` down. Raises as `retire` does."""
    card = load_card(file)
    repo = f"{session.namespace}/{card.repo}"
    accounts = (*card.accounts, *(CardAccount(handle=handle) for handle in card.handles))
    denied = deny(accounts, session.project)
    for line in denied:
        session.reporter.note(f"Added {line} to the deny list")
    if card.state != "retired":
        save_card(replace(card, state="retired"), file)
        session.reporter.note(f"Marked {file} as retired")
    if delete:
        session.cache.forget([repo])
        deleted = delete_repo(session.hub, repo)
        return RetireResult(repo=repo, denied=denied, deleted=deleted, applied=None)
    plan = plan_cards(session, [file], full=False).plan
    applied = apply_cards(session, plan, [file])
    return RetireResult(repo=repo, denied=denied, deleted=False, applied=applied)
