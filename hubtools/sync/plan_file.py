"""A plan as a file: what a person reviewed is what `apply` carries out, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.errors import ConflictError, HubtoolsError, UsageError
from hubtools.core.files import write_atomically
from hubtools.sync.plan import APPLIED_ACTIONS, Action, Change, Plan
from hubtools.sync.repo_state import Desired, Digest

_FORMAT = "hubtools plan 1"
_NEW_PLAN = "Nothing was sent. Make a new plan with `hubtools plan -o FILE`"
_MAKE_PLAN = "Make one with `hubtools plan -o FILE`, or give names of cards"
_MAX_LISTED = 3


class _ChangeDocument(msgspec.Struct):
    """A change as it is written; `head` is the contract's key for the revision."""

    repo: str
    action: Action
    reason: str
    head: str | None
    files: dict[str, str]


class _PlanDocument(msgspec.Struct):
    format: str
    full: bool
    to: str
    namespace: str
    requests: int
    changes: list[_ChangeDocument]


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as the JSON that `plan --json` prints."""
    changes = [
        _ChangeDocument(c.repo, c.action, c.reason, c.revision, dict(c.files)) for c in plan.changes
    ]
    return {
        "to": plan.to,
        "namespace": plan.namespace,
        "requests": plan.requests,
        "changes": msgspec.to_builtins(changes),
    }


def write_plan(plan: Plan, file: Path) -> None:
    """Save a plan for `apply`. Raises OutputError."""
    document = {"format": _FORMAT, "full": plan.full, **plan_document(plan)}
    write_atomically(file, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read_plan(file: Path) -> Plan:
    """The plan in a file. Raises UsageError for a file without one."""
    try:
        document = msgspec.json.decode(file.read_bytes(), type=_PlanDocument)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"not a plan: {error}", where=file, fix=_MAKE_PLAN) from error
    except OSError as error:
        raise HubtoolsError(f"cannot be read: {error.strerror}", where=file) from error
    if document.format != _FORMAT:
        raise UsageError(f"not a plan: format {document.format!r}", where=file, fix=_MAKE_PLAN)
    changes = (Change(c.repo, c.action, c.reason, c.head, c.files) for c in document.changes)
    return Plan(
        document.to, document.namespace, tuple(changes), document.requests, full=document.full
    )


def card_names(plan: Plan) -> list[str]:
    """The names of the cards that a plan covers."""
    return [change.name for change in plan.changes if change.action != "extra"]


def check_current(saved: Plan, current: Plan, desired: Iterable[Desired]) -> None:
    """Raises ConflictError when `saved` came from other cards, templates or revisions.

    What an earlier run of the same plan applied is no difference: those repositories hold what the
    plan asked for.
    """
    present = {change.repo: change for change in current.changes if change.action != "extra"}
    files = {one.name: one.files for one in desired}
    planned = [change for change in saved.changes if change.action != "extra"]
    stale = [
        change.repo
        for change in planned
        if not _is_current(change, present.get(change.repo), files.get(change.name, {}))
    ]
    if stale or len(planned) != len(present):
        some = ", ".join(stale[:_MAX_LISTED]) + (", …" if len(stale) > _MAX_LISTED else "")
        raise ConflictError(
            "cards, templates or the Hub changed since the plan was made",
            where=some or f"{saved.namespace} on {saved.to}",
            fix=_NEW_PLAN,
        )


def _is_current(saved: Change, now: Change | None, desired: Mapping[str, Digest]) -> bool:
    if now is None:
        return False
    if now.action == "unchanged" and saved.action in APPLIED_ACTIONS:
        return all(p in desired and desired[p].sha256 == sha for p, sha in saved.files.items())
    if saved.action == now.action == "create" and saved.revision is None:
        return saved.files == now.files  # a killed run may have left it there, empty
    return (saved.action, saved.revision, saved.files) == (now.action, now.revision, now.files)
