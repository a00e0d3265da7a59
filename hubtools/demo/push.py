"""The demo's Space on a Hub: plan what would change there, and apply it in one commit.

The stages are those of models: a plan, applied to the revision that it is based on, and nothing
overwritten that someone else wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import ConflictError
from hubtools.core.events import Reporter
from hubtools.core.run_record import read_record
from hubtools.core.state import StateFile
from hubtools.demo.options import DemoOptions
from hubtools.demo.space import SPACE_RECORD, space_files
from hubtools.services.desired import bytes_digest
from hubtools.services.targets import resolve_target
from hubtools.sync.access import resolve_namespace
from hubtools.sync.apply import ApplyResult, apply_plan
from hubtools.sync.client import HubClient, open_client
from hubtools.sync.commit import CommitRequest
from hubtools.sync.observe import find_revision, is_new, list_files, read_file
from hubtools.sync.plan import Change, Plan
from hubtools.sync.planner import plan_changes
from hubtools.sync.repo_state import SPACES, Desired, Observed, Remote, Revision
from hubtools.sync.state import StateCache
from hubtools.sync.target import Target, parse_target


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRequest:
    project: Project
    space: str
    options: DemoOptions
    to: str | None = None
    """None is the project's target, and huggingface.co where that is local."""
    confirm: Callable[[Plan], bool] = lambda plan: True
    """Shows the plan that is about to be applied; False cancels."""

    @property
    def target(self) -> Target:
        target = resolve_target(self.project, self.to).target
        if self.to is None and target.kind == "local":
            return parse_target("hf", Path.cwd())  # a local Hub does not run Spaces
        return target


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceResult:
    url: str
    commit: str | None
    """None when a Space that does not exist yet could not be created."""
    applied: ApplyResult


def plan_space(request: SpaceRequest, reporter: Reporter, cancel: CancelToken) -> Plan:
    """Plan what `push_space` would change.

    Raises ConflictError for a Space that was renamed, and what requests raise.
    """
    with _open(request, cancel, writing=False) as hub:
        plan, _, _ = _plan(hub, request)
        return plan


def push_space(request: SpaceRequest, reporter: Reporter, cancel: CancelToken) -> SpaceResult:
    """Plan, confirm and apply; what stood in the way is in the result.

    Raises AccessError when the token may not write there, CancelledError when it is not confirmed,
    and what planning raises.
    """
    with _open(request, cancel, writing=True) as hub, StateFile(request.project.root) as state:
        plan, desired, data = _plan(hub, request)
        if not request.confirm(plan):
            raise CancelledError

        def build(change: Change) -> CommitRequest:
            return CommitRequest(
                change=change,
                desired=desired,
                data={path: data[path] for path in change.files},
                paths={},
                private=request.project.config.hub.private,
                message="Create the demo" if change.action == "create" else "Update the demo",
                sdk="gradio",
            )

        cache = StateCache(state, str(request.target))
        done = apply_plan(plan, build, hub, cache, reporter)
    (change,) = plan.changes
    return SpaceResult(
        url=request.target.page(change.repo),
        commit=done.revisions.get(change.repo, change.revision),
        applied=_with_causes(done, request.space),
    )


@contextmanager
def _open(request: SpaceRequest, cancel: CancelToken, *, writing: bool) -> Iterator[HubClient]:
    """A client for the Space; a local Hub is served meanwhile."""
    with open_client(request.target, cancel) as hub:
        owner = request.space.partition("/")[0]
        resolve_namespace(hub, request.target, owner, writing=writing)
        yield hub


def _plan(hub: HubClient, request: SpaceRequest) -> tuple[Plan, Desired, Mapping[str, bytes]]:
    """A plan of one change, what it leads to, and the bytes that it would send."""
    owner, _, name = request.space.partition("/")
    repo = f"{SPACES}{request.space}"
    texts = space_files(request.space, request.options)
    data = {path: text.encode() for path, text in texts.items()}
    desired = Desired(name, False, {path: bytes_digest(text) for path, text in data.items()})
    revision = find_revision(hub, repo)
    remote = Remote({}, {})
    if revision is not None and revision.repo_id != repo:
        renamed = revision.repo_id.removeprefix(SPACES)
        raise ConflictError(
            f"the Space is now {renamed}", where=request.space, fix=f"Use --space {renamed}"
        )
    if revision is not None:
        remote = Remote({name: revision}, {name: _observe(hub, revision, desired)})
    changes = plan_changes((desired,), remote, f"{SPACES}{owner}", full=False)
    plan = Plan(str(request.target), owner, changes, len(hub.transport.sent), full=False)
    return plan, desired, data


def _with_causes(done: ApplyResult, space: str) -> ApplyResult:
    """The result with conflicts that do not advise `hubtools pull`, which is for models."""
    fix = "Nothing was overwritten. Undo the edit there, or use another name"
    causes = [(one, ConflictError(one.error, where=space, fix=fix)) for one in done.conflicts]
    return replace(done, conflicts=tuple(replace(one, cause=cause) for one, cause in causes))


def _observe(hub: HubClient, revision: Revision, desired: Desired) -> Observed:
    """What the Space holds of `desired`, and which of it someone else wrote."""
    files = list_files(hub, revision)
    if is_new(hub, revision, files):
        return Observed(revision.sha, {})
    changed = [p for p, d in desired.files.items() if p in files and not d.matches(files[p])]
    known: object = None
    if changed and SPACE_RECORD in files:
        known = read_record(read_file(hub, revision, SPACE_RECORD)).get("files")
    edited = [path for path in changed if not _is_ours(hub, revision, path, known)]
    return Observed(revision.sha, files, frozenset(edited))


def _is_ours(hub: HubClient, revision: Revision, path: str, known: object) -> bool:
    """Whether a file is as an earlier run left it; the record vouches for itself."""
    if not isinstance(known, dict) or path == SPACE_RECORD:
        return isinstance(known, dict)
    digest = hashlib.sha256(read_file(hub, revision, path) or b"").hexdigest()
    return known.get(path) == digest
