"""`hubtools plan` and `hubtools status`: what would change on the Hub, and why."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options
from hubtools.core.cancel import cancel_on_interrupt

if TYPE_CHECKING:
    from hubtools.services.plan import PlanResult
    from hubtools.sync.plan import Plan

_PENDING = 3


class Format(Enum):
    """How a plan is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def plan(
    names: options.CardNames = None,
    to: options.To = None,
    namespace: options.Namespace = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Save the plan, for apply to carry out."),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 when something would change.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", help="markdown is for a pull request.")
    ] = Format.TABLE,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what would change on the Hub, and why; nothing is changed.

    For each card: create, update, unchanged, conflict (somebody changed it on the Hub: see
    hubtools pull) or retire. Without names, repositories without a card are listed as extra. With
    -v every README that would change is shown as a diff.

    Examples:

      hubtools plan

      hubtools plan harbourlog --to hf --namespace acme -v

      hubtools plan -o plan.json && hubtools apply plan.json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.plan import PlanRequest
    from hubtools.services.plan import plan as make_plan
    from hubtools.sync.plan_file import plan_document, write_plan

    shown = Format.JSON if as_json else format
    request = PlanRequest(
        project=find_project(),
        names=tuple(names or ()),
        to=to,
        namespace=namespace,
        diffs=bool(verbose) and shown is not Format.JSON,
    )
    with cancel_on_interrupt() as cancel:
        result = make_plan(request, options.reporter(quiet, verbose), cancel)
    made = result.plan
    if out is not None:
        write_plan(made, out)
    if shown is Format.JSON:
        print_json(plan_document(made))
    elif shown is Format.MARKDOWN:
        typer.echo(made.to_markdown(result.diffs), nl=False)
    elif not quiet:
        for line in _lines(result, verbose):
            typer.echo(line)
    if exit_code and made.of("create", "update", "retire", "conflict"):
        raise typer.Exit(_PENDING)


def status(
    to: options.To = None,
    namespace: options.Namespace = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say in a few lines whether cards and Hub are in step.

    Examples:

      hubtools status

      hubtools status --to hf --namespace acme --json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.plan import PlanRequest
    from hubtools.services.plan import plan as make_plan
    from hubtools.sync.plan_text import summary, table

    request = PlanRequest(project=find_project(), to=to, namespace=namespace)
    with cancel_on_interrupt() as cancel:
        made = make_plan(request, options.reporter(quiet, verbose), cancel).plan
    if as_json:
        print_json(
            {
                "to": made.to,
                "namespace": made.namespace,
                "cards": sum(n for action, n in made.counts.items() if action != "extra"),
                "counts": made.counts,
                "conflicts": [change.repo for change in made.of("conflict")],
                "requests": made.requests,
            }
        )
    elif not quiet:
        *conflicts, _ = table(made, most=most_shown(made, verbose), actions=("conflict",))
        pending = len(made.of("create", "update", "retire"))
        typer.echo("\n".join([summary(made), *conflicts]))
        if pending:
            typer.echo(f"{pending:,} to publish: hubtools plan shows them, hubtools apply does it")


def _lines(result: PlanResult, verbose: int) -> Iterator[str]:
    from hubtools.sync.plan_text import table

    yield from (diff for _, diff in result.diffs)
    yield from table(result.plan, most=most_shown(result.plan, verbose))


def most_shown(made: Plan, verbose: int) -> int:
    """How many changes of a kind are listed one by one."""
    from hubtools.sync.plan_text import FEW

    return len(made.changes) + FEW + 1 if verbose else FEW
