"""`hubtools apply`: the Hub brought in step with the cards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.plan import most_shown
from hubtools.core.cancel import cancel_on_interrupt

if TYPE_CHECKING:
    from hubtools.core.config import Project
    from hubtools.sync.apply import ApplyResult
    from hubtools.sync.plan import Plan


def apply(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|NAME]...",
            help="A plan that was saved, or cards by their names.",
            show_default="all cards",
        ),
    ] = None,
    to: options.To = None,
    namespace: options.Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    max_changes: Annotated[
        str | None,
        typer.Option(
            "--max-changes",
            metavar="N|N%",
            help="Refuse to update or retire more models than that; creations do not count.",
            show_default="a tenth, of more than 20",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Bring the Hub in step with the cards, in parallel and at the pace that it allows.

    Somebody else's edit is never overwritten: such a model is a conflict (exit code 6), and the
    others go on. Run it again after an interruption of any kind: it does what is left.

    Examples:

      hubtools apply

      hubtools apply harbourlog fogwatch --to hf --namespace acme -y

      hubtools plan -o plan.json && hubtools apply plan.json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.apply import ApplyRequest
    from hubtools.services.apply import apply as apply_request
    from hubtools.sync.plan_file import read_plan

    project = find_project()
    file = _plan_file(project, what or [])

    def confirmed(plan: Plan) -> bool:
        if not quiet and not as_json:
            _show(plan, verbose)
        confirm(plan, f"Change {len(plan.pending):,} models on {plan.to}?", yes=yes)
        return True

    request = ApplyRequest(
        project=project,
        names=tuple(what or ()) if file is None else (),
        plan=read_plan(file) if file else None,
        to=to,
        namespace=namespace,
        max_changes=max_changes,
        confirm=confirmed,
    )
    report = options.reporter(quiet, verbose)
    with cancel_on_interrupt() as cancel:
        done = apply_request(request, report, cancel)
    if as_json:
        print_json(applied_document(done))
    else:
        for failure in (*done.failed, *done.conflicts):
            report.note(f"  {failure.repo}: {failure.error}")
        if not quiet:
            typer.echo(applied_line(done))
    done.raise_for_failure()


def applied_document(done: ApplyResult) -> dict[str, Any]:
    """What `apply --json` prints."""
    return {
        "applied": done.applied,
        "unchanged": done.unchanged,
        "conflicts": [{"repo": one.repo, "error": one.error} for one in done.conflicts],
        "failed": [{"repo": one.repo, "error": one.error} for one in done.failed],
        "left": done.left,
        "requests": done.requests,
        "seconds": done.seconds,
    }


def _plan_file(project: Project, what: Sequence[str]) -> Path | None:
    """The one argument, where it is a file and no card's name. Raises UsageError."""
    from hubtools.core.errors import UsageError

    if len(what) != 1 or (project.cards_folder / f"{what[0]}.toml").is_file():
        return None
    file = Path(what[0])
    if file.suffix == ".json" and not file.exists():
        raise UsageError("no such plan", where=file, fix="Make one with hubtools plan -o FILE")
    return file if file.is_file() else None


def _show(plan: Plan, verbose: int) -> None:
    from hubtools.sync.plan_text import table

    for line in table(plan, most=most_shown(plan, verbose)):
        typer.echo(line)


def confirm(plan: Plan, question: str, *, yes: bool) -> None:
    """Ask a person before a plan that changes something is carried out, unless they said `yes`."""
    if plan.pending and not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)


def applied_line(done: ApplyResult) -> str:
    """What `apply` says at its end."""
    said = [f"{done.applied:,} applied", f"{done.unchanged:,} unchanged"]
    said += [f"{len(done.conflicts):,} in conflict"] if done.conflicts else []
    said += [f"{len(done.failed):,} failed"] if done.failed else []
    said += [f"{done.left:,} left"] if done.left else []
    asked = f"{done.requests:,} request{'' if done.requests == 1 else 's'}"
    return f"{', '.join(said)} ({asked}, {done.seconds:.1f} s)"
