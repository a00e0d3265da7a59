"""`hubtools plan`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.show import show_plan
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.services.plan import PlanRequest
from hubtools.services.plan import plan as make_plan
from hubtools.sync.plan_file import plan_document, write_plan

_PENDING = 3


class PlanFormat(Enum):
    """How a plan is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def plan(
    *,
    names: options.CardNames = None,
    hub: options.HubOptions,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Save the plan for `hubtools apply`."),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 if changes are pending.")
    ] = False,
    format: Annotated[
        PlanFormat, typer.Option("--format", help="The output; markdown suits a pull request.")
    ] = PlanFormat.TABLE,
    output: options.OutputOptions,
) -> None:
    """Show what apply would change on the Hub.

    Each card is one of: create, update, unchanged, retire, or conflict (someone edited it on the
    Hub: see hubtools pull). Without names, repositories that have no card are listed as extra. With
    -v, the diff of every README follows. Nothing is changed.

    Examples:
      hubtools plan
      hubtools plan harbourlog --to hf --namespace acme -v
      hubtools plan -o plan.json && hubtools apply plan.json
    """
    request = PlanRequest(
        project=find_project(),
        names=tuple(names or ()),
        to=hub.to,
        namespace=hub.namespace,
        diffs=output.verbose > 0,
    )
    with output.running() as (reporter, cancel):
        planned = make_plan(request, reporter, cancel)
    if out is not None:
        write_plan(planned.plan, out)
    if output.json or format is PlanFormat.JSON:
        print_json(plan_document(planned.plan))
    elif format is PlanFormat.MARKDOWN:
        typer.echo(planned.plan.to_markdown(planned.diffs), nl=False)
    elif not output.quiet:
        for _, diff in planned.diffs:
            typer.echo(diff)
        show_plan(planned.plan, every=output.verbose > 0)
    if exit_code and (planned.plan.pending or planned.plan.of("conflict")):
        raise typer.Exit(_PENDING)
