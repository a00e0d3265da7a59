"""`hubtools cards import`: old and foreign READMEs become cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.core.cancel import CancelToken
from hubtools.core.errors import PartlyDoneError


def import_cards(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|DIR]...",
            help="READMEs of any name, and folders whose files with front matter are READMEs.",
        ),
    ] = None,
    from_hub: Annotated[
        str | None,
        typer.Option("--from-hub", metavar="NAMESPACE", help="All models of a user or an org."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the cards go.", show_default="cards"),
    ] = None,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Fetch those too whose card is there, and compare."),
    ] = False,
    to: options.To = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make cards of READMEs: huggingtweets', our own, or anybody's.

    A card that is there is never overwritten. A rerun fetches what is still missing.

    Examples:

      hubtools cards import old/README.md

      hubtools cards import --from-hub huggingtweets --to hf
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.import_cards import ImportRequest
    from hubtools.services.import_cards import import_cards as run

    report = options.reporter(quiet, verbose)
    request = ImportRequest(
        project=find_project(),
        paths=tuple(paths or ()),
        namespace=from_hub,
        to=to,
        out=out,
        refetch=refetch,
    )
    done = run(request, report, CancelToken())
    if as_json:
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
        for failure in done.failed:
            report.note(f"Not imported: {failure}")
        there = done.unchanged + done.skipped
        report.note(f"{len(done.imported)} imported, {there} there already, {done.out}")
    if error is not None:
        raise error
