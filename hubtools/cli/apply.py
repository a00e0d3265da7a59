"""`hubtools apply`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.show import apply_document, apply_summary, show_plan
from hubtools.cli.terminal import print_json
from hubtools.core.config import Project, find_project
from hubtools.core.errors import UsageError
from hubtools.services.apply import ApplyRequest
from hubtools.services.apply import apply as apply_plan
from hubtools.sync.plan import Plan
from hubtools.sync.plan_file import read_plan


def apply(
    *,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|NAME]...",
            help="A saved plan, or names of cards.",
            show_default="all cards",
        ),
    ] = None,
    hub: options.HubOptions,
    yes: options.Yes = False,
    max_changes: Annotated[
        str | None,
        typer.Option(
            "--max-changes",
            metavar="N|N%",
            help="Refuse to update or retire more models than this; creations do not count.",
            show_default="10% where there are more than 20",
        ),
    ] = None,
    output: options.OutputOptions,
) -> None:
    """Make the Hub match the cards.

    Never overwrites someone else's edit: such a model is reported as a conflict (exit code 6) and
    the others are applied. Requests run in parallel, at the pace the Hub allows. Run the command
    again after an interruption to apply what is left.

    Examples:
      hubtools apply
      hubtools apply harbourlog fogwatch --to hf --namespace acme -y
      hubtools plan -o plan.json && hubtools apply plan.json
    """

    def ask(plan: Plan) -> bool:
        if not output.quiet and not output.json:
            show_plan(plan, every=output.verbose > 0)
        pending = len(plan.pending)
        return not pending or confirm(f"Change {pending:,} models on {plan.to}?", yes=yes)

    project = find_project()
    file = _plan_file(project, what or ())
    request = ApplyRequest(
        project=project,
        names=tuple(what) if what and not file else (),
        plan=read_plan(file) if file else None,
        to=hub.to,
        namespace=hub.namespace,
        max_changes=max_changes,
        confirm=ask,
    )
    with output.running() as (reporter, cancel):
        applied = apply_plan(request, reporter, cancel)
    if output.json:
        print_json(apply_document(applied))
    else:
        for failure in (*applied.failed, *applied.conflicts):
            reporter.note(f"  {failure.repo}: {failure.error}")
        if not output.quiet:
            typer.echo(apply_summary(applied))
    applied.raise_for_failure()


def _plan_file(project: Project, what: Sequence[str]) -> Path | None:
    """The one argument where it is a plan and not a card. Raises UsageError."""
    if len(what) != 1 or (project.cards_folder / f"{what[0]}.toml").is_file():
        return None
    file = Path(what[0])
    if file.suffix == ".json" and not file.exists():
        raise UsageError("no such plan", where=file, fix="Save one with: hubtools plan -o FILE")
    return file if file.is_file() else None
