"""Merge what people changed on the Hub into the cards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.card_file import card_toml, load_card, save_card
from hubtools.cards.merge_remote import MergeResult, keep_remote, merge_remote
from hubtools.cards.render import is_sealed
from hubtools.cards.selection import all_cards, named_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import CardError, ConflictError, HubtoolsError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.services.desired import is_merged
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import resolve_target
from hubtools.sync.client import HubClient, parse_json
from hubtools.sync.observe import find_revision, read_file
from hubtools.sync.plan_text import unified_diff
from hubtools.sync.repo_state import README, Revision

_FIX_THERE = "Fix it on the Hub, then run again"
_MAX_HISTORY = 100
"""Commits among which our last one is searched."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of one README on the Hub, and the card with it merged."""

    file: Path
    before: Card
    base: str | None
    """What was on the Hub when it matched the card; None where that is not known."""
    remote: str
    merge: MergeResult

    @property
    def diff(self) -> str:
        prose = self.file.with_suffix(".md")
        before, after = self.before, self.merge.card
        toml = replace(before, pulled=None), replace(after, pulled=None)
        changes = [
            unified_diff(card_toml(toml[0]), card_toml(toml[1]), str(self.file), str(self.file)),
            unified_diff(before.prose or "", after.prose or "", str(prose), str(prose)),
        ]
        return "\n".join(change for change in changes if change)

    @property
    def remote_diff(self) -> str:
        return unified_diff(self.base or "", self.remote, README, f"{README} on the Hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """Cards by name, or all that conflict with the Hub."""

    project: Project
    names: tuple[str, ...] = ()
    all: bool = False
    own: bool = False
    """Whether the README on the Hub becomes the card's text, as it is."""
    to: str | None = None
    namespace: str | None = None
    confirm: Callable[[Edit], bool] = lambda edit: True
    """Shows an edit that is about to be saved; False leaves the card as it is."""


@dataclass(frozen=True, slots=True)
class PullConflict:
    """An edit that a person has to merge."""

    file: Path
    error: ConflictError
    remote_diff: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """The names of cards that were changed and of those without an edit, and conflicts."""

    pulled: tuple[str, ...]
    unchanged: tuple[str, ...]
    conflicts: tuple[PullConflict, ...]

    def error(self) -> HubtoolsError | None:
        """The error to end with; None without conflicts."""
        if len(self.conflicts) == 1:
            return self.conflicts[0].error
        if self.conflicts:
            what = f"{len(self.conflicts):,} cards have edits that could not be merged"
            return ConflictError(what, fix="Merge each by hand, or keep it with --own")
        return None


def pull(request: PullRequest, reporter: Reporter, cancel: CancelToken) -> PullResult:
    """Merge the edits on the Hub into `cards/NAME.toml` and `cards/NAME.md`.

    Raises UsageError for a card whose repository is not on the Hub, CancelledError, and what
    requests raise.
    """
    if bool(request.names) == request.all:
        raise UsageError(
            "give either names or --all", fix="Run `hubtools status` to list the conflicts"
        )
    destination = resolve_target(request.project, request.to, request.namespace)
    pulled: list[str] = []
    unchanged: list[str] = []
    conflicts: list[PullConflict] = []
    with open_session(request.project, destination, reporter, cancel, writing=False) as session:
        for file in _files(session, request.names):
            edit = None
            try:
                edit = find_edit(session, file, own=request.own)
                if edit is None:
                    unchanged.append(file.stem)
                    continue
                _check_resolved(edit)
                if request.confirm(edit):
                    save_edit(edit)
                    pulled.append(file.stem)
            except ConflictError as error:
                known = edit is not None and edit.base is not None
                diff = edit.remote_diff if edit is not None and known else None
                conflicts.append(PullConflict(file, error, diff))
    return PullResult(pulled=tuple(pulled), unchanged=tuple(unchanged), conflicts=tuple(conflicts))


def _files(session: HubSession, names: tuple[str, ...]) -> list[Path]:
    """The cards with these names; without names, those that conflict with the Hub."""
    folder = session.project.cards_folder
    if names:
        return named_cards(folder, list(names))
    files = all_cards(folder)
    planned = plan_cards(session, files, full=False).plan
    conflicts = {change.name.casefold() for change in planned.of("conflict")}
    return [file for file in files if file.stem.casefold() in conflicts]


def find_edit(session: HubSession, file: Path, *, own: bool = False) -> Edit | None:
    """The edit on the Hub of the card in `file`; None when there is none.

    With `own` the README is kept as it is. Raises UsageError when the repository does not exist,
    ConflictError for a README that cannot be read.
    """
    card = load_card(file)
    revision = _revision(session.hub, f"{session.namespace}/{card.repo}")
    data = read_file(session.hub, revision, README)
    local = session.renderer.render(card)
    if data is None or data == local.encode() or is_merged(data, file):
        return None
    try:
        remote = data.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"README.md is not UTF-8 (byte {error.start})"
        raise ConflictError(what, where=revision.repo_id, fix=_FIX_THERE) from error
    base, pulled = (None, None) if own else find_base(session, revision, card.pulled)
    try:
        merge = (
            MergeResult(keep_remote(card, remote))
            if own
            else merge_remote(card, base, remote, local, pulled=pulled)
        )
    except CardError as error:
        line = f", {error.where}" if error.where else ""
        what = f"{README}{line}: {error.what}"
        raise ConflictError(what, where=revision.repo_id, fix=_FIX_THERE) from error
    marked = replace(merge.card, pulled=hashlib.sha256(data).hexdigest())
    return Edit(file, card, pulled or base, remote, replace(merge, card=marked))


def save_edit(edit: Edit) -> None:
    """Write the card with the edit; the prose first, so that a kill in between loses nothing.

    Raises ConflictError when a person has to decide first, or when the card changed meanwhile.
    """
    _check_resolved(edit)
    if load_card(edit.file) != edit.before:
        raise ConflictError("changed in the meantime", where=edit.file, fix="Run again")
    card = edit.merge.card
    if card.prose != edit.before.prose:
        write_atomically(edit.file.with_suffix(".md"), f"{card.prose}\n" if card.prose else "")
    save_card(card, edit.file)


def _check_resolved(edit: Edit) -> None:
    if edit.merge.unresolved:
        raise ConflictError(
            "; ".join(edit.merge.unresolved),
            where=edit.file,
            fix="Change the card or its .md by hand, or run "
            f"`hubtools pull {edit.before.repo} --own` to keep the README as it is",
        )


def find_base(
    session: HubSession, revision: Revision, pulled: str | None = None
) -> tuple[str | None, str | None]:
    """Our last README on the Hub, and the one with the digest `pulled` after it.

    Of a README that was never ours, the one that was `pulled` is the base. Each is None where none
    of the newest hundred commits has it. Costs a request where the cache has the revision, else
    one for each commit until it is found.
    """
    cached = session.cache.observed().get(revision.repo_id)
    ours = cached is not None and not cached.edited and pulled is None
    first = [cached.revision] if cached is not None and ours else []
    merged: str | None = None
    for sha in (*first, *_history(session.hub, revision)):
        data = read_file(session.hub, revision, README, sha) or b""
        text = data.decode("utf-8", errors="replace")
        if is_sealed(text):
            return text, merged
        if merged is None and hashlib.sha256(data).hexdigest() == pulled:
            merged = text
    return merged, None


def _history(hub: HubClient, revision: Revision) -> Iterator[str]:
    path = hub.repo_path(revision.repo_id, "commits", revision.sha)
    commits = hub.get(path, revision.repo_id, {"limit": _MAX_HISTORY})
    yield from (commit["id"] for commit in parse_json(commits, revision.repo_id, list)[1:])


def _revision(hub: HubClient, repo: str) -> Revision:
    revision = find_revision(hub, repo)
    if revision is None:
        raise UsageError("not on the Hub", where=repo, fix="Publish it first")
    return revision
