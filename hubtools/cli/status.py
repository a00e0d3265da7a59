"""`hubtools status`."""

from __future__ import annotations

import typer

from hubtools.cli import options
from hubtools.cli.show import listed
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.services.plan import PlanRequest, plan
from hubtools.sync.plan_text import summary, table


def status(
    *,
    hub: options.HubOptions,
    output: options.OutputOptions,
) -> None:
    """Summarize how the Hub differs from the cards.

    Examples:
      hubtools status
      hubtools status --to hf --namespace acme --json
    """
    request = PlanRequest(project=find_project(), to=hub.to, namespace=hub.namespace)
    with output.running() as (reporter, cancel):
        found = plan(request, reporter, cancel).plan
    if output.json:
        print_json(
            {
                "to": found.to,
                "namespace": found.namespace,
                "cards": len(found.changes) - len(found.of("extra")),
                "counts": found.counts,
                "conflicts": [change.repo for change in found.of("conflict")],
                "requests": found.requests,
            }
        )
    elif not output.quiet:
        *conflicts, _ = table(found, most=listed(found, output.verbose > 0), actions=("conflict",))
        typer.echo("\n".join([summary(found), *conflicts]))
        pending = len(found.pending)
        if pending:
            typer.echo(f"{pending:,} to publish: see hubtools plan, then run hubtools apply")
