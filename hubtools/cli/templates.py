"""`hubtools templates`: a project's own templates of cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.cards import Format, print_findings, shown

app = typer.Typer(help="Templates: what a project's cards say otherwise.", no_args_is_help=True)


@app.command()
def copy(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to.", show_default="templates/"),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write a card.md.j2 to start from, which lists the blocks that it can replace.

    A file that is there already is never overwritten.

    Example:

      hubtools templates copy
    """
    from hubtools.cards.user_templates import copy_starter, packaged_blocks
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project

    file = copy_starter(out or find_project().templates_folder)
    if as_json:
        print_json({"file": str(file), "blocks": packaged_blocks()})
    else:
        note = f"Wrote {shown(file)}. Edit it, then: hubtools templates check"
        options.reporter(quiet, verbose).note(note)


@app.command()
def check(
    format: Annotated[
        Format, typer.Option("--format", help="github annotates the lines of a pull request.")
    ] = Format.TEXT,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Compile the project's templates and render sample cards: FILE:LINE: MESSAGE for each mistake.

    Exit code 1 when anything is found.

    Examples:

      hubtools templates check

      hubtools templates check --format github
    """
    from hubtools.cards.user_templates import check_templates
    from hubtools.core.config import find_project

    project = find_project()
    found = check_templates(shown(project.templates_folder), project.config.project)
    print_findings(found, Format.JSON if as_json else format)
    if found:
        raise typer.Exit(1)
    options.reporter(quiet, verbose).note("The templates are sound")
