"""How commands show results that several of them have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from hubtools.core.errors import HubtoolsError, PartlyDoneError
from hubtools.core.events import Reporter
from hubtools.sync.apply import ApplyResult
from hubtools.sync.plan import Plan
from hubtools.sync.plan_text import FEW, table

_LISTED = 20


def finish(error: HubtoolsError | None, failures: Sequence[object], reporter: Reporter) -> None:
    """Raise the error of a result, if any, after a note on each of the failures behind it."""
    if error is None:
        return
    if isinstance(error, PartlyDoneError) or len(failures) > 1:
        for failure in failures[:_LISTED]:
            reporter.note(f"  {failure}")
        if len(failures) > _LISTED:
            reporter.note(f"  … and {len(failures) - _LISTED:,} more")
    raise error


def show_plan(plan: Plan, *, every: bool = False, files: bool = False) -> None:
    """Print a plan as a table; with `every` none is left out, with `files` their paths follow."""
    *changes, counts = table(plan, most=listed(plan, every))
    for line in changes:
        typer.echo(line)
    if files:
        for change in plan.changes:
            for path in change.files:
                typer.echo(f"      {path}")
    typer.echo(counts)


def listed(plan: Plan, every: bool) -> int:
    """How many changes of a kind are listed one by one."""
    return len(plan.changes) + FEW + 1 if every else FEW


def apply_document(applied: ApplyResult) -> dict[str, Any]:
    """What `apply --json` prints."""
    return {
        "applied": applied.applied,
        "unchanged": applied.unchanged,
        "conflicts": [{"repo": one.repo, "error": one.error} for one in applied.conflicts],
        "failed": [{"repo": one.repo, "error": one.error} for one in applied.failed],
        "left": applied.left,
        "requests": applied.requests,
        "seconds": applied.seconds,
    }


def apply_summary(applied: ApplyResult) -> str:
    """The counts of an applied plan on one line."""
    counts = [f"{applied.applied:,} applied", f"{applied.unchanged:,} unchanged"]
    counts += [f"{len(applied.conflicts):,} in conflict"] if applied.conflicts else []
    counts += [f"{len(applied.failed):,} failed"] if applied.failed else []
    counts += [f"{applied.left:,} left"] if applied.left else []
    requests = f"{applied.requests:,} request{'' if applied.requests == 1 else 's'}"
    return f"{', '.join(counts)} ({requests}, {applied.seconds:.1f} s)"
