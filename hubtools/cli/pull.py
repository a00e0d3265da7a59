"""`hubtools pull`: what people changed on the Hub, brought home into the cards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import options
from hubtools.core.cancel import cancel_on_interrupt

if TYPE_CHECKING:
    from hubtools.services.pull import Edit, PullResult


def pull(
    names: options.CardNames = None,
    every: Annotated[bool, typer.Option("--all", help="Every card in conflict.")] = False,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="Keep the README as it is on the Hub: its text becomes the card's, whole.",
        ),
    ] = False,
    to: options.To = None,
    namespace: options.Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Bring what was changed on the Hub into cards/NAME.toml and cards/NAME.md.

    Text goes to the prose, metadata to the card's fields or to [metadata]; what we changed since
    stays. Both are shown as a diff first. Where the same was changed on both sides, and where
    generated text was changed, nothing is done (exit code 6), unless --own keeps it as it is.

    Examples:

      hubtools pull harbourlog

      hubtools pull --all --to hf --namespace acme -y

      hubtools pull harbourlog --own
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.pull import PullRequest
    from hubtools.services.pull import pull as pull_edits

    def confirmed(edit: Edit) -> bool:
        if not quiet and not as_json:
            if verbose and edit.base is not None:
                typer.echo(edit.remote_diff)
            typer.echo(edit.diff or f"{edit.file}: up to date")
        asked = not yes and not as_json and sys.stdin.isatty()
        return not asked or typer.confirm(f"Change {edit.file}?", err=True)

    request = PullRequest(
        project=find_project(),
        names=tuple(names or ()),
        all=every,
        own=own,
        to=to,
        namespace=namespace,
        confirm=confirmed,
    )
    report = options.reporter(quiet, verbose)
    with cancel_on_interrupt() as cancel:
        result = pull_edits(request, report, cancel)
    for conflict in result.conflicts:
        if conflict.remote_diff and not quiet and not as_json:
            typer.echo(conflict.remote_diff)
        report.note(f"  {conflict.error}")
    if as_json:
        print_json(_document(result))
    elif not quiet:
        typer.echo(f"{len(result.pulled)} pulled, {len(result.unchanged)} with nothing to pull")
    error = result.error()
    if error is not None:
        raise error


def _document(result: PullResult) -> dict[str, Any]:
    return {
        "pulled": list(result.pulled),
        "unchanged": list(result.unchanged),
        "conflicts": [{"card": str(one.file), "error": one.error.what} for one in result.conflicts],
    }
