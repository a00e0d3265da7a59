"""`hubtools pull`."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.show import finish
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.services.pull import Edit, PullRequest
from hubtools.services.pull import pull as pull_cards


def pull(
    *,
    names: options.NamedCards = None,
    every: Annotated[bool, typer.Option("--all", help="Every card in conflict.")] = False,
    own: Annotated[
        bool,
        typer.Option(
            "--own", help="Keep the README exactly as it is on the Hub: it becomes the card's text."
        ),
    ] = False,
    hub: options.HubOptions,
    yes: options.Yes = False,
    output: options.OutputOptions,
) -> None:
    """Bring edits made on the Hub into the cards.

    Text goes to cards/NAME.md, metadata to the card's fields or to [metadata]; local changes stay.
    The diff is shown first. A card is left alone (exit code 6) where both sides changed the same
    thing or generated text was edited, unless --own keeps the README of the Hub.

    Examples:
      hubtools pull harbourlog
      hubtools pull --all --to hf --namespace acme -y
      hubtools pull harbourlog --own
    """

    def ask(edit: Edit) -> bool:
        if not output.quiet and not output.json:
            if output.verbose and edit.base is not None:
                typer.echo(edit.remote_diff)
            typer.echo(edit.diff or f"{edit.file}: up to date")
        return confirm(f"Change {edit.file}?", yes=yes or output.json)

    request = PullRequest(
        project=find_project(),
        names=tuple(names or ()),
        all=every,
        own=own,
        to=hub.to,
        namespace=hub.namespace,
        confirm=ask,
    )
    with output.running() as (reporter, cancel):
        done = pull_cards(request, reporter, cancel)
    if output.json:
        conflicts = [{"card": str(one.file), "error": one.error.what} for one in done.conflicts]
        print_json(
            {
                "pulled": list(done.pulled),
                "unchanged": list(done.unchanged),
                "conflicts": conflicts,
            }
        )
    elif not output.quiet:
        for conflict in done.conflicts:
            if conflict.remote_diff:
                typer.echo(conflict.remote_diff)
        typer.echo(f"{len(done.pulled)} pulled, {len(done.unchanged)} unchanged")
    finish(done.error(), [conflict.error for conflict in done.conflicts], reporter)
