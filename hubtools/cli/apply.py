"""`hubtools apply`: the Hub brought in step with the cards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.plan import chosen, most_shown, where

if TYPE_CHECKING:
    from hubtools.core.config import Project
    from hubtools.services.session import Planned, Session
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
    from hubtools.services.session import open_session
    from hubtools.sync.apply import apply as carry_out
    from hubtools.sync.plan import change_limit
    from hubtools.sync.plan_file import read_plan

    project = find_project()
    file = _plan_file(project, what or [])
    saved = read_plan(file) if file else None
    target, owner = where(project, to, namespace)
    owner = owner or (saved.namespace if saved else None)
    report = options.reporter(quiet, verbose)
    limit = change_limit(max_changes, project.config.hub.max_changes)
    with open_session(project, target, owner, report, writing=True) as session:
        planned = _planned(session, what or [], saved)
        limit.check(planned.plan, len(chosen(project, None)))
        if not quiet and not as_json:
            _show(planned.plan, verbose)
        changes = len(planned.plan.of("create", "update", "retire"))
        confirm(planned.plan, f"Change {changes:,} models on {planned.plan.to}?", yes=yes)
        fleet = session.fleet(chosen(project, _names(what or [], saved)))
        private = project.config.hub.private
        done = carry_out(planned.plan, fleet, session.hub, session.memory, report, private=private)
        requests = len(session.sent)
    if as_json:
        print_json(applied_document(done, requests))
    else:
        for trouble in (*done.failed, *done.conflicts):
            report.note(f"  {trouble.repo}: {trouble.error}")
        if not quiet:
            typer.echo(applied_line(done, requests))
    end(done)


def applied_document(done: ApplyResult, requests: int) -> dict[str, Any]:
    """What `apply --json` prints."""
    return {
        "applied": done.applied,
        "unchanged": done.unchanged,
        "conflicts": [{"repo": one.repo, "error": one.error} for one in done.conflicts],
        "failed": [{"repo": one.repo, "error": one.error} for one in done.failed],
        "left": done.left,
        "requests": requests,
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


def _names(what: Sequence[str], saved: Plan | None) -> list[str] | None:
    from hubtools.sync.plan_file import card_names

    if saved is None:
        return list(what) or None
    return None if saved.whole else card_names(saved)


def _planned(session: Session, what: Sequence[str], saved: Plan | None) -> Planned:
    from hubtools.core.errors import UsageError
    from hubtools.services.session import make_plan
    from hubtools.sync.plan_file import check_current

    here = (str(session.target), session.namespace)
    if saved is not None and (saved.to, saved.namespace) != here:
        raise UsageError(
            f"the plan is for {saved.namespace} on {saved.to}, not for {here[1]} on {here[0]}",
            fix="Give the same --to and --namespace",
        )
    names = _names(what, saved)
    planned = make_plan(session, chosen(session.project, names), whole=names is None)
    if saved is not None:
        check_current(saved, planned.plan, planned.wanted)
    return planned


def _show(plan: Plan, verbose: int) -> None:
    from hubtools.sync.plan_text import table

    for line in table(plan, most=most_shown(plan, verbose)):
        typer.echo(line)


def confirm(plan: Plan, question: str, *, yes: bool) -> None:
    """Ask a person before a plan that changes something is carried out, unless they said `yes`."""
    if plan.of("create", "update", "retire") and not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)


def applied_line(done: ApplyResult, requests: int) -> str:
    """What `apply` says at its end."""
    said = [f"{done.applied:,} applied", f"{done.unchanged:,} unchanged"]
    said += [f"{len(done.conflicts):,} in conflict"] if done.conflicts else []
    said += [f"{len(done.failed):,} failed"] if done.failed else []
    said += [f"{done.left:,} left"] if done.left else []
    asked = f"{requests:,} request{'' if requests == 1 else 's'}"
    return f"{', '.join(said)} ({asked}, {done.seconds:.1f} s)"


def end(done: ApplyResult) -> None:
    """Raise what was in the way of all being done."""
    if done.interrupted:
        raise KeyboardInterrupt
    error = done.error()
    if error is not None:
        raise error
