"""`hubtools posts forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.services.forget import ForgetRequest, Traces
from hubtools.services.forget import forget as forget_account


def forget(
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="A handle, or network:handle.")],
    yes: options.Yes = False,
    output: options.OutputOptions,
) -> None:
    """Remove every local trace of an account.

    Removes cached copies of its posts, the models trained on them and what unfinished runs left. A
    model of several accounts is removed whole. Cards stay: take a published model down with
    `hubtools retire`. Your own files (archives, exports) are yours to remove.

    Examples:
      hubtools posts forget @harbourlog
      hubtools posts forget mastodon:gull@sea.example -y
    """

    def ask(traces: Traces) -> bool:
        for path in traces.found:
            typer.echo(f"  {path}", err=True)
        return confirm(f"Remove these {len(traces.found)} traces of {account}?", yes=yes)

    request = ForgetRequest(project=find_project(), account=account, confirm=ask)
    with output.running() as (reporter, cancel):
        traces = forget_account(request, reporter, cancel)
    if output.json:
        print_json(
            {
                "removed": [str(path) for path in traces.found],
                "cards": [str(path) for path in traces.cards],
                "unsure": [str(path) for path in traces.unsure],
            }
        )
    if not traces.found:
        reporter.note(f"No trace of {account} found")
    for card in traces.cards:
        reporter.note(f"{card} names the account. Take its model down: hubtools retire {card.stem}")
    for folder in traces.unsure:
        reporter.note(f"{folder} does not say whose posts it holds. Remove it if they are theirs")
