"""`hubtools pull`."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.errors import ConflictError, UsageError
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
    if bool(names) == every:
        raise UsageError(
            "name the cards to pull, or use --all", fix="hubtools status lists conflicts"
        )

    def ask(edit: Edit) -> bool:
        undecided = bool(edit.home.undecided)
        if not output.quiet and not output.json:
            if (output.verbose or undecided) and edit.base is not None:
                typer.echo(edit.there_diff)
            if not undecided:
                typer.echo(edit.diff or f"{edit.file}: up to date")
        return undecided or confirm(f"Change {edit.file}?", yes=yes or output.json)

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
        pulled = pull_cards(request, reporter, cancel)
    if output.json:
        conflicts = [{"card": str(one.file), "error": one.error.what} for one in pulled.conflicts]
        print_json(
            {
                "pulled": list(pulled.pulled),
                "unchanged": list(pulled.unchanged),
                "conflicts": conflicts,
            }
        )
    elif not output.quiet:
        typer.echo(f"{len(pulled.pulled)} pulled, {len(pulled.unchanged)} unchanged")
    if pulled.conflicts:
        raise ConflictError(
            f"{len(pulled.conflicts)} cards could not be merged",
            fix="Follow the advice above for each of them",
        )
