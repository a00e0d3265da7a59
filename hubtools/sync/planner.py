"""From the desired and the observed state to a plan: a pure function.

A repository is only ever changed where it is known that nobody's work is lost: a file that
someone else changed makes its repository a conflict until `pull` has merged the edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubtools.sync.plan import Change
from hubtools.sync.repo_state import (
    GIT_ATTRIBUTES,
    README,
    SPACES,
    Desired,
    Observed,
    Remote,
    Revision,
)

_MAX_LISTED = 6


def plan_changes(
    desired: Iterable[Desired], remote: Remote, namespace: str, *, full: bool = True
) -> tuple[Change, ...]:
    """One change for each card and, when `full`, one for each repository without a card.

    Every desired repository that exists must be in `remote.observed` at its present revision.
    """
    by_name = {one.name: one for one in desired}
    managed = {name.casefold() for name in by_name}
    spelled = {name.casefold(): name for name in remote.revisions}
    unmanaged = [r for name, r in remote.revisions.items() if name.casefold() not in managed]
    by_sha = {revision.sha: revision for revision in unmanaged}
    changes = [_change(one, remote, namespace, spelled, by_sha) for one in by_name.values()]
    if full:
        changes += [
            Change(one.repo_id, "extra", "no card manages it", one.sha) for one in unmanaged
        ]
    return tuple(sorted(changes, key=lambda change: change.repo))


def _change(
    desired: Desired,
    remote: Remote,
    namespace: str,
    spelled: Mapping[str, str],
    unmanaged: Mapping[str, Revision],
) -> Change:
    repo = f"{namespace}/{desired.name}"
    revision = remote.revisions.get(desired.name)
    if revision is not None:
        return _existing(desired, repo, revision, remote.observed[desired.name])
    other = spelled.get(desired.name.casefold())
    if other is not None:
        reason = f"the repository is named {other} on the Hub: set repo = {other!r} in the card"
        return Change(repo, "conflict", reason, remote.revisions[other].sha)
    return _missing(desired, repo, remote.cached.get(desired.name), unmanaged)


def _missing(
    desired: Desired, repo: str, cached: str | None, unmanaged: Mapping[str, Revision]
) -> Change:
    """A repository without a card, at the revision that we left, is ours under another name."""
    moved = unmanaged.get(cached) if cached else None
    if moved is not None and not (desired.retired and moved.private):
        reason = f"renamed to {moved.name} on the Hub: rename the card, or rename it back"
        return Change(repo, "conflict", reason, moved.sha)
    if desired.retired:
        return Change(repo, "unchanged", "retired, and not on the Hub", None)
    reason = "removed from the Hub since the last run" if cached else "not on the Hub"
    return Change(repo, "create", reason, None, _files_to_send(desired, desired.files))


def _existing(desired: Desired, repo: str, revision: Revision, observed: Observed) -> Change:
    assert observed.revision == revision.sha, f"{repo} was observed at another revision"
    if observed.unreadable is not None:
        if desired.retired:
            return _retired(desired, repo, revision, [])
        return Change(repo, "conflict", observed.unreadable, revision.sha)
    changed = [p for p, d in desired.files.items() if not d.matches(observed.files.get(p))]
    edited = sorted(observed.edited.intersection(changed))
    if desired.retired:
        return _retired(desired, repo, revision, [] if edited else changed)
    if edited:
        return Change(repo, "conflict", _edit_reason(desired, repo, edited), revision.sha)
    if not changed:
        return Change(repo, "unchanged", "up to date", revision.sha)
    files = _files_to_send(desired, changed)
    if not observed.files.keys() - {GIT_ATTRIBUTES}:
        return Change(repo, "create", "the repository is empty", revision.sha, files)
    verb = "differs" if len(changed) == 1 else "differ"
    return Change(repo, "update", f"{_listed(sorted(changed))} {verb}", revision.sha, files)


def _edit_reason(desired: Desired, repo: str, edited: list[str]) -> str:
    what = f"{_listed(edited)} changed on the Hub by someone else"
    if edited == [README] and not repo.startswith(SPACES):
        return f"{what}: run `hubtools pull {desired.name}`"
    return f"{what}: remove the change there, or use another name"


def _retired(desired: Desired, repo: str, revision: Revision, changed: list[str]) -> Change:
    if revision.private and not changed:
        return Change(repo, "unchanged", "retired", revision.sha)
    reason = "becomes private" if not revision.private else "the card is retired"
    return Change(repo, "retire", reason, revision.sha, _files_to_send(desired, changed))


def _files_to_send(desired: Desired, paths: Iterable[str]) -> dict[str, str]:
    return {path: desired.files[path].sha256 for path in sorted(paths)}


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _MAX_LISTED} more" if len(paths) > _MAX_LISTED else ""
    return ", ".join(paths[:_MAX_LISTED]) + more
