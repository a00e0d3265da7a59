"""The demo's Space on a Hub: what would change there and why, and the commit that changes it.

The stages are the fleet's, for one repository: a plan, the plan carried out on the head that it
saw, and nothing overwritten that somebody else wrote.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import ConflictError, HubtoolsError
from hubtools.core.run_record import read_record
from hubtools.demo.space import SPACE_RECORD
from hubtools.services.desired import bytes_digest
from hubtools.sync.access import resolve_namespace
from hubtools.sync.apply import ApplyResult, RepoFailure
from hubtools.sync.client import HubClient, open_client
from hubtools.sync.commit import CommitRequest, apply_change
from hubtools.sync.observe import find_revision, is_new, list_files, read_file
from hubtools.sync.plan import Change, Plan
from hubtools.sync.planner import plan_changes
from hubtools.sync.repo_state import SPACES, Desired, Observed, Remote, Revision
from hubtools.sync.target import Target


@dataclass(frozen=True, slots=True)
class SpaceSession:
    """One command's work with the Hub on which `space`, as OWNER/NAME, is."""

    space: str
    target: Target
    hub: HubClient

    @property
    def url(self) -> str:
        """The address of the Space's page."""
        return self.target.page(f"{SPACES}{self.space}")


@dataclass(frozen=True, slots=True)
class PlannedSpace:
    """A plan of one change, with the bytes that it would send."""

    plan: Plan
    wanted: Desired
    data: Mapping[str, bytes]

    @property
    def change(self) -> Change:
        (change,) = self.plan.changes
        return change


@contextmanager
def open_space(target: Target, space: str, *, writing: bool) -> Iterator[SpaceSession]:
    """A session with `target`; a local Hub is served meanwhile.

    Raises AccessError when `writing` is asked for and the token may not write there.
    """
    with open_client(target, CancelToken()) as hub:
        resolve_namespace(hub, target, space.partition("/")[0], writing=writing)
        yield SpaceSession(space, target, hub)


def plan_space(session: SpaceSession, files: Mapping[str, str]) -> PlannedSpace:
    """What would change so that the Space holds `files`; nothing is changed.

    Raises ConflictError for a Space that has another name now, and what requests raise.
    """
    owner, _, name = session.space.partition("/")
    data = {path: text.encode() for path, text in files.items()}
    wanted = Desired(name, False, {path: bytes_digest(text) for path, text in data.items()})
    head = find_revision(session.hub, f"{SPACES}{session.space}")
    if head is None:
        remote = Remote({}, {})
    elif head.repo_id == f"{SPACES}{session.space}":
        remote = Remote({name: head}, {name: _see(session.hub, head, wanted)})
    else:
        now = head.repo_id.removeprefix(SPACES)
        raise ConflictError(
            f"is called {now} there", where=session.space, fix=f"Give --space {now}"
        )
    changes = plan_changes((wanted,), remote, f"{SPACES}{owner}", full=False)
    plan = Plan(str(session.target), owner, changes, len(session.hub.transport.sent), full=False)
    return PlannedSpace(plan, wanted, data)


def apply_space(session: SpaceSession, planned: PlannedSpace, *, private: bool) -> ApplyResult:
    """Carry out what was planned, in one commit; what stood in the way is in the result.

    `private` is for a Space that is created.
    """
    change, started = planned.change, time.monotonic()
    applied: dict[str, str] = {}
    conflicts: tuple[RepoFailure, ...] = ()
    failed: tuple[RepoFailure, ...] = ()
    try:
        if change.action == "conflict":
            raise ConflictError(change.reason, where=session.space, fix="Nothing was overwritten")
        if change.action != "unchanged":
            applied[change.repo] = apply_change(session.hub, _delivery(planned, private))
    except ConflictError as error:
        conflicts = (RepoFailure(change.repo, error.what, error),)
    except HubtoolsError as error:
        failed = (RepoFailure(change.repo, str(error), error),)
    return ApplyResult(
        applied=len(applied),
        unchanged=len(planned.plan.of("unchanged")),
        conflicts=conflicts,
        failed=failed,
        requests=len(session.hub.transport.sent),
        seconds=round(time.monotonic() - started, 3),
        revisions=applied,
    )


def _delivery(planned: PlannedSpace, private: bool) -> CommitRequest:
    change = planned.change
    return CommitRequest(
        change=change,
        desired=planned.wanted,
        data={path: planned.data[path] for path in change.files},
        paths={},
        private=private,
        message="Put the demo here" if change.action == "create" else "Update the demo",
        sdk="gradio",
    )


def _see(hub: HubClient, head: Revision, wanted: Desired) -> Observed:
    """What the Space holds of `wanted`, and which of it is not our work."""
    files = list_files(hub, head)
    if is_new(hub, head, files):
        return Observed(head.sha, {})
    changed = [p for p, d in wanted.files.items() if p in files and not d.matches(files[p])]
    record: Mapping[str, object] = {}
    if changed:
        record = read_record(read_file(hub, head, SPACE_RECORD) if SPACE_RECORD in files else None)
    edited = frozenset(path for path in changed if not _is_ours(hub, head, path, record))
    return Observed(head.sha, files, edited)


def _is_ours(hub: HubClient, head: Revision, path: str, record: Mapping[str, object]) -> bool:
    """Whether a file is as the record says that we left it; the record holds its own digest."""
    if path == SPACE_RECORD:
        return bool(record)
    known = record.get("files")
    digest = hashlib.sha256(read_file(hub, head, path) or b"").hexdigest()
    return isinstance(known, dict) and known.get(path) == digest
