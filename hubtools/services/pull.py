"""Bringing what people changed on the Hub home into the cards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.card_file import card_toml, load_card, save_card
from hubtools.cards.merge_remote import Home, as_its_own, bring_home
from hubtools.cards.render import is_sealed
from hubtools.core.errors import CardError, ConflictError, UsageError
from hubtools.core.files import write_atomically
from hubtools.services.session import Session
from hubtools.sync.client import Hub, told
from hubtools.sync.observe import find_head, is_ours, read_file
from hubtools.sync.plan import README, Head
from hubtools.sync.plan_text import unified_diff

_RIGHT = "Put it right on the Hub, then run again"
_LOOKED_BACK = 100
"""Commits among which our last one is looked for."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of one README on the Hub, and the card as it would be with it."""

    file: Path
    before: Card
    base: str | None
    """What was on the Hub when it was in step with the card; None where that is not known."""
    there: str
    home: Home

    @property
    def diff(self) -> str:
        """What changes in the card's files, as unified diffs."""
        prose = self.file.with_suffix(".md")
        before, after = self.before, self.home.card
        toml = replace(before, pulled=None), replace(after, pulled=None)
        changes = [
            unified_diff(card_toml(toml[0]), card_toml(toml[1]), str(self.file), str(self.file)),
            unified_diff(before.prose or "", after.prose or "", str(prose), str(prose)),
        ]
        return "\n".join(change for change in changes if change)

    @property
    def there_diff(self) -> str:
        """What was changed on the Hub, as a unified diff."""
        return unified_diff(self.base or "", self.there, README, f"{README} on the Hub")


def find_edit(session: Session, file: Path, *, own: bool = False) -> Edit | None:
    """The edit that the Hub has of the card in `file`; None when there is none.

    With `own` the README is taken as it is, and stays that way. Raises UsageError when the
    repository is not there, ConflictError for a README that cannot be read.
    """
    card = load_card(file)
    head = _head(session.hub, f"{session.namespace}/{card.repo}")
    data = read_file(session.hub, head, README)
    here = session.renderer.render(card)
    if data is None or data == here.encode() or is_ours(data, file):
        return None
    try:
        there = data.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"README.md is not UTF-8 (byte {error.start})"
        raise ConflictError(what, where=head.repo_id, fix=_RIGHT) from error
    base, pulled = (None, None) if own else find_base(session, head, card.pulled)
    try:
        home = (
            Home(as_its_own(card, there))
            if own
            else bring_home(card, base, there, here, pulled=pulled)
        )
    except CardError as error:
        line = f", {error.where}" if error.where else ""
        what = f"{README}{line}: {error.what}"
        raise ConflictError(what, where=head.repo_id, fix=_RIGHT) from error
    marked = replace(home.card, pulled=hashlib.sha256(data).hexdigest())
    return Edit(file, card, pulled or base, there, replace(home, card=marked))


def save_edit(edit: Edit) -> None:
    """Write the card with the edit; the prose first, so that a kill in between loses nothing.

    Raises ConflictError when a person has to decide first, or when the card changed meanwhile.
    """
    if edit.home.undecided:
        raise ConflictError(
            "; ".join(edit.home.undecided),
            where=edit.file,
            fix="Put it into the card or its .md yourself, or keep the README as it is there: "
            f"hubtools pull {edit.before.repo} --own",
        )
    if load_card(edit.file) != edit.before:
        raise ConflictError("changed meanwhile", where=edit.file, fix="Run again")
    card = edit.home.card
    if card.prose != edit.before.prose:
        write_atomically(edit.file.with_suffix(".md"), f"{card.prose}\n" if card.prose else "")
    save_card(card, edit.file)


def find_base(
    session: Session, head: Head, pulled: str | None = None
) -> tuple[str | None, str | None]:
    """The last README on the Hub that we made, and the one with the digest `pulled` after it.

    Of a README that was never ours, the one that was `pulled` is the base. Each is None where none
    of the newest hundred commits has it. Costs a request where an earlier run remembers its head,
    else one a commit until it is found.
    """
    known = session.memory.seen().get(head.repo_id)
    sure = known is not None and not known.edited and pulled is None
    revisions = [known.head] if known is not None and sure else []
    brought: str | None = None
    for revision in (*revisions, *_history(session.hub, head)):
        data = read_file(session.hub, head, README, revision) or b""
        text = data.decode("utf-8", errors="replace")
        if is_sealed(text):
            return text, brought
        if brought is None and hashlib.sha256(data).hexdigest() == pulled:
            brought = text
    return brought, None


def _history(hub: Hub, head: Head) -> Iterator[str]:
    path = hub.repo(head.repo_id, "commits", head.sha)
    commits = hub.get(path, head.repo_id, params={"limit": _LOOKED_BACK})
    yield from (commit["id"] for commit in told(commits, head.repo_id, list)[1:])


def _head(hub: Hub, repo: str) -> Head:
    head = find_head(hub, repo)
    if head is None:
        raise UsageError("is not on the Hub", where=repo, fix="There is nothing to pull")
    return head
