"""`hubtools fleet run` and `hubtools fleet status`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_CLEANING
from hubtools.fleet.display import board, status_lines
from hubtools.fleet.journal import read_state, states
from hubtools.fleet.manifest import Options, parse_shard
from hubtools.fleet.run import FleetRequest, FleetResult, run_fleet

_FAILURES = 20


def run(
    *,
    manifest: Annotated[
        Path,
        typer.Argument(metavar="MANIFEST", help="A .toml with [[models]] tables, or a .csv."),
    ],
    hub: options.HubOptions,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Publish the models to the Hub.")
    ] = True,
    workers: options.Workers = None,
    address: options.RayAddress = None,
    shard: Annotated[
        str,
        typer.Option("--shard", metavar="I/N", help="Only every Nth row, starting with the Ith."),
    ] = "1/1",
    max_pending_uploads: Annotated[
        int,
        typer.Option(
            "--max-pending-uploads",
            min=1,
            metavar="N",
            help="Pause training while this many models wait for upload.",
        ),
    ] = 32,
    keep_folders: Annotated[
        bool,
        typer.Option(
            "--keep-folders/--no-keep-folders", help="Keep models' folders after the upload."
        ),
    ] = True,
    compile: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the base once per worker; takes minutes, pays off for many models.",
        ),
    ] = False,
    models_per_batch: Annotated[
        int,
        typer.Option(
            "--models-per-batch",
            min=1,
            metavar="N",
            help="Models that a worker trains at the same time.",
        ),
    ] = 1,
    training: options.TrainingOptions,
    cleaning: options.Cleaning = DEFAULT_CLEANING,
    lang: options.Language = None,
    output: options.OutputOptions,
) -> None:
    """Train and publish a model for each row of a manifest.

    A row names its sources and may set name, base, recipe, seed, prompt, cleaning, lang,
    text_column and unlisted; the table `defaults`, then the options here, fill in the rest. In a
    CSV, `;` separates several sources. Paths are relative to the manifest. A row that fails is
    reported and the others go on (exit code 8). Run the command again after an interruption:
    finished models are not trained again.

    Examples:
      hubtools fleet run fleet.toml
      hubtools fleet run accounts.csv --base scratch --to hf --namespace my-organization
      hubtools fleet run accounts.csv --shard 3/64 --no-keep-folders
    """
    request = FleetRequest(
        project=find_project(),
        manifest=manifest,
        publish=publish,
        to=hub.to,
        namespace=hub.namespace,
        workers=workers,
        address=address,
        shard=parse_shard(shard),
        max_pending_uploads=max_pending_uploads,
        keep_folders=keep_folders,
        compile=compile,
        models_per_batch=models_per_batch,
        fallback=Options(
            base=training.base,
            recipe=training.recipe,
            seed=training.seed,
            prompt=training.prompt,
            cleaning=cleaning,
            lang=lang,
        ),
    )
    with output.running() as (reporter, cancel):
        done = run_fleet(request, board(output.quiet, output.verbose > 0), reporter, cancel)
    if output.json:
        print_json(_document(done))
    elif not output.quiet:
        typer.echo("\n".join(_summary(done, publish)))
    done.raise_error()


def status(output: options.OutputOptions) -> None:
    """Show the progress of this project's fleets.

    Works from any terminal while they run.

    Examples:
      hubtools fleet status
      hubtools fleet status --json
    """
    found = [read_state(file) for file in states(find_project())]
    if output.json:
        print_json({"fleets": found})
        return
    for state in found:
        for line in status_lines(state):
            typer.echo(line)
    if not found:
        typer.echo("This project has not run a fleet yet.")


def _document(done: FleetResult) -> dict[str, Any]:
    """What `fleet run --json` prints."""
    summary = done.summary
    return {
        "end": done.end,
        "total": summary.total,
        "made": summary.made,
        "published": summary.published,
        "there": summary.there,
        "left": summary.left,
        "failed": [asdict(failure) for failure in summary.failed],
        "models": [asdict(outcome) for outcome in summary.outcomes],
        "workers": summary.workers,
        "seconds": summary.seconds,
        "per_hour": round(summary.per_hour, 1),
        "busy": round(summary.busy, 3),
    }


def _summary(done: FleetResult, published: bool) -> Iterator[str]:
    summary = done.summary
    counts = [f"{summary.made:,} trained"]
    counts += [f"{summary.published:,} published"] if published else []
    counts += [f"{summary.there:,} existed already"] if summary.there else []
    counts += [f"{len(summary.failed):,} failed"] if summary.failed else []
    counts += [f"{summary.left:,} left"] if summary.left else []
    rate = f", {summary.per_hour:,.0f} models per hour" if summary.made else ""
    yield f"{', '.join(counts)} ({summary.seconds:.0f} s{rate})"
    for failure in summary.failed[:_FAILURES]:
        yield f"  {failure.where}: {failure.name}: {failure.error}"
