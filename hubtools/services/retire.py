"""Taking a model down, and keeping it down: the deny list, the card, then the Hub.

In that order, since each step alone is on the safe side: an account on the list is never used
again, and a card that says retired is never published again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.cards.card import CardAccount
from hubtools.cards.card_file import load_card, save_card
from hubtools.core.events import Reporter
from hubtools.posts.deny_list import deny
from hubtools.services.session import Session, make_plan
from hubtools.sync.apply import ApplyResult, apply
from hubtools.sync.commit import remove


@dataclass(frozen=True, slots=True)
class Retired:
    """A model that was taken down."""

    repo: str
    denied: tuple[str, ...]
    """Lines that the deny list has now and had not before."""
    deleted: bool
    applied: ApplyResult | None
    """How it became private; None where it was deleted instead."""


def retire(session: Session, file: Path, report: Reporter, *, delete: bool) -> Retired:
    """Take the model of the card in `file` down: private, or gone when `delete`.

    The card stays, and says that it is retired. Raises OutputError when list or card cannot be
    written, and what requests raise; a rerun does the rest.
    """
    card = load_card(file)
    repo = f"{session.namespace}/{card.repo}"
    named = (*card.accounts, *(CardAccount(handle=handle) for handle in card.handles))
    added = deny(named, session.project)
    for line in added:
        report.note(f"{line} is on the deny list")
    if card.state != "retired":
        save_card(replace(card, state="retired"), file)
        report.note(f"{file} says that it is retired")
    if delete:
        session.memory.forget([repo])
        return Retired(repo, added, remove(session.hub, repo), None)
    planned = make_plan(session, [file], whole=False)
    private = session.project.config.hub.private
    done = apply(
        planned.plan, session.fleet([file]), session.hub, session.memory, report, private=private
    )
    return Retired(repo, added, False, done)
