"""`hubtools posts forget`: every local trace of an account goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli.options import Json, Quiet, Verbose, reporter

if TYPE_CHECKING:
    from hubtools.core.events import Reporter
    from hubtools.services.forget import Traces


def forget(
    handle: Annotated[
        str,
        typer.Argument(
            metavar="HANDLE", help="The account: a handle, or network:handle.", show_default=False
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remove every local trace of an account.

    These are kept copies of its posts, the models made of them, and what unfinished runs left.
    A model that learned from several accounts goes as a whole. Cards stay: `hubtools retire`
    takes a published model down. Your own files (archives, exports) are yours to remove.

    Examples:

      hubtools posts forget @harbourlog

      hubtools posts forget mastodon:gull@sea.example -y
    """
    import sys

    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.forget import forget as forget_account
    from hubtools.services.forget import traces

    project, report = find_project(), reporter(quiet, verbose)
    there = traces(handle, project)
    if there.found and sys.stdin.isatty() and not yes:
        for path in there.found:
            typer.echo(f"  {path}", err=True)
        typer.confirm(f"Remove these {len(there.found)} traces of {handle}?", abort=True, err=True)
    done = forget_account(handle, project)
    if as_json:
        print_json(
            {
                "removed": [str(path) for path in done.found],
                "cards": [str(path) for path in done.cards],
                "unsure": [str(path) for path in done.unsure],
            }
        )
    _say(handle, done, report)


def _say(handle: str, done: Traces, report: Reporter) -> None:
    for path in done.found:
        report.note(f"Removed {path}")
    if not done.found:
        report.note(f"There is no trace of {handle} here")
    for card in done.cards:
        report.note(
            f"{card} still names the account: hubtools retire {card.stem} takes its model down"
        )
    for work in done.unsure:
        report.note(f"{work} does not say whose posts it holds: remove it if they are this one's")
