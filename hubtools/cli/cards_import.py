"""`hubtools cards import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.show import finish
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.errors import PartlyDoneError
from hubtools.services.import_cards import ImportRequest
from hubtools.services.import_cards import import_cards as run_import


def import_cards(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|DIR]...",
            help="READMEs of any name, and folders whose files with front matter are READMEs.",
        ),
    ] = None,
    from_hub: Annotated[
        str | None,
        typer.Option(
            "--from-hub",
            metavar="NAMESPACE",
            help="Import all models of a user or organization.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The folder to write cards to.", show_default="cards"
        ),
    ] = None,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Fetch and compare models that have a card as well."),
    ] = False,
    to: options.To = None,
    output: options.OutputOptions,
) -> None:
    """Create cards from existing READMEs.

    Reads cards of huggingtweets, of hubtools and of anybody else. Existing cards are never
    overwritten; a rerun fetches what is missing.

    Examples:
      hubtools cards import old/README.md
      hubtools cards import --from-hub huggingtweets --to hf
    """
    request = ImportRequest(
        project=find_project(),
        paths=tuple(paths or ()),
        namespace=from_hub,
        to=to,
        out=out,
        refetch=refetch,
    )
    with output.running() as (reporter, cancel):
        done = run_import(request, reporter, cancel)
    if output.json:
        print_json(
            {
                "imported": len(done.imported),
                "unchanged": done.unchanged,
                "skipped": done.skipped,
                "cards": [str(done.out / f"{name}.toml") for name in done.imported],
                "failed": [{"where": e.where, "error": str(e)} for e in done.failed],
            }
        )
    error = done.error()
    if error is None or isinstance(error, PartlyDoneError):
        existing = done.unchanged + done.skipped
        reporter.note(f"{len(done.imported)} imported, {existing} existed already in {done.out}")
    finish(error, done.failed, reporter)
