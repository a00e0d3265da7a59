"""`hubtools templates`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cards.user_templates import check_templates, copy_starter, packaged_blocks
from hubtools.cli import options
from hubtools.cli.findings import print_findings, relative
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project


def copy(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The folder to write to.", show_default="templates/"
        ),
    ] = None,
    output: options.OutputOptions,
) -> None:
    """Create a card template to edit.

    Writes a card.md.j2 that lists the blocks it can replace. An existing file is never
    overwritten.

    Examples:
      hubtools templates copy
    """
    file = copy_starter(out or find_project().templates_folder)
    if output.json:
        print_json({"file": str(file), "blocks": packaged_blocks()})
        return
    with output.running() as (reporter, _):
        reporter.note(f"Wrote {relative(file)}. Edit it, then run: hubtools templates check")


def check(
    *,
    format: options.FindingsAs = options.FindingFormat.TEXT,
    output: options.OutputOptions,
) -> None:
    """Find mistakes in the project's templates.

    Compiles the templates, renders sample cards, and prints FILE:LINE: MESSAGE for each mistake.
    Exits with 1 if there are any.

    Examples:
      hubtools templates check
      hubtools templates check --format github
    """
    project = find_project()
    found = check_templates(relative(project.templates_folder), project.config.project)
    print_findings(found, options.FindingFormat.JSON if output.json else format)
    if found:
        raise typer.Exit(1)
    with output.running() as (reporter, _):
        reporter.note("The templates are valid")
