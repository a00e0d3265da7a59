"""A plan as a file: what a person has looked at is what is carried out, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.errors import ConflictError, HubtoolsError, UsageError
from hubtools.core.files import write_atomically
from hubtools.sync.plan import CARRIED_OUT, Change, Desired, Digest, Plan

_FORMAT = "hubtools plan 1"
_ANEW = "Nothing was sent. Make a new plan"
_MAKE = "Make one with hubtools plan -o FILE, or give cards by their names"
_SHOWN = 3


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as the JSON that `plan --json` prints."""
    return {
        "to": plan.to,
        "namespace": plan.namespace,
        "requests": plan.requests,
        "changes": [
            {
                "repo": change.repo,
                "action": change.action,
                "reason": change.reason,
                "head": change.head,
                "files": dict(change.files),
            }
            for change in plan.changes
        ],
    }


def write_plan(plan: Plan, file: Path) -> None:
    """Save a plan for `apply`. Raises OutputError."""
    document = {"format": _FORMAT, "whole": plan.whole, **plan_document(plan)}
    write_atomically(file, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read_plan(file: Path) -> Plan:
    """The plan in a file. Raises UsageError for a file that holds none."""
    try:
        document = msgspec.json.decode(file.read_bytes())
        if not isinstance(document, dict) or document.pop("format", None) != _FORMAT:
            raise UsageError("is no plan", where=file, fix=_MAKE)
        return msgspec.convert(document, Plan)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"is no plan: {error}", where=file, fix=_MAKE) from error
    except OSError as error:
        raise HubtoolsError(f"cannot be read: {error.strerror}", where=file) from error


def card_names(plan: Plan) -> list[str]:
    """The names of the cards that a plan is of."""
    return [change.name for change in plan.changes if change.action != "extra"]


def check_current(saved: Plan, now: Plan, wanted: Iterable[Desired]) -> None:
    """Raises ConflictError when `saved` was made from other cards, templates or heads than `now`.

    What an earlier run of the same plan has carried out is no difference: those repositories
    hold what the plan wanted there.
    """
    present = {change.repo: change for change in now.changes if change.action != "extra"}
    files = {one.name: one.files for one in wanted}
    planned = [change for change in saved.changes if change.action != "extra"]
    stale = [
        change.repo
        for change in planned
        if not _same(change, present.get(change.repo), files.get(change.name, {}))
    ]
    if stale or len(planned) != len(present):
        some = ", ".join(stale[:_SHOWN]) + (", …" if len(stale) > _SHOWN else "")
        raise ConflictError(
            "cards, templates or the Hub are not what the plan was made from",
            where=some or f"{saved.namespace} on {saved.to}",
            fix=_ANEW,
        )


def _same(saved: Change, now: Change | None, wanted: Mapping[str, Digest]) -> bool:
    if now is None:
        return False
    if now.action == "unchanged" and saved.action in CARRIED_OUT:
        return all(p in wanted and wanted[p].sha256 == sha for p, sha in saved.files.items())
    if saved.action == now.action == "create" and saved.head is None:
        return saved.files == now.files  # a killed run may have left it there, empty
    return (saved.action, saved.head, saved.files) == (now.action, now.head, now.files)
