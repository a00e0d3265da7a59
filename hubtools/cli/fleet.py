"""`hubtools fleet run` and `hubtools fleet status`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.cancel import CancelledError
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_CLEANING
from hubtools.core.events import Reporter
from hubtools.fleet.display import fleet_display, status_lines
from hubtools.fleet.jobs import WorkerOptions
from hubtools.fleet.journal import read_state, state_files
from hubtools.fleet.manifest import RowOptions, parse_shard
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
        to=hub.to,
        namespace=hub.namespace,
        publish=publish,
        workers=workers,
        address=address,
        shard=parse_shard(shard),
        max_pending_uploads=max_pending_uploads,
        keep_folders=keep_folders,
        worker=WorkerOptions(compile=compile, models_per_batch=models_per_batch),
        defaults=RowOptions(
            base=training.base,
            recipe=training.recipe,
            seed=training.seed,
            prompt=training.prompt,
            cleaning=cleaning,
            lang=lang,
        ),
    )
    display = nullcontext() if output.quiet else fleet_display(verbose=output.verbose > 0)
    with output.running() as (reporter, cancel), display as listener:
        if listener is not None:
            reporter = Reporter((*reporter.listeners, listener))
        result = run_fleet(request, reporter, cancel)
    if output.json:
        print_json(_document(result))
    elif not output.quiet:
        typer.echo("\n".join(_summary(result)))
    if result.end == "interrupted":
        raise CancelledError
    error = result.error()
    if error is not None:
        raise error


def status(output: options.OutputOptions) -> None:
    """Show the progress of this project's fleets.

    Works from any terminal while they run.

    Examples:
      hubtools fleet status
      hubtools fleet status --json
    """
    states = [read_state(file) for file in state_files(find_project())]
    if output.json:
        print_json({"fleets": [{**asdict(state), "active": active} for state, active in states]})
        return
    for state, active in states:
        for line in status_lines(state, active=active):
            typer.echo(line)
    if not states:
        typer.echo("This project has no fleets.")


def _document(result: FleetResult) -> dict[str, Any]:
    """What `fleet run --json` prints."""
    state = asdict(result.state)
    names = (
        *("end", "total", "already_done", "trained", "published", "remaining"),
        *("workers", "seconds", "models_per_hour", "device_utilization"),
    )
    return {
        **{name: state[name] for name in names},
        "failed": [asdict(failure) for failure in result.failures],
        "models": [asdict(model) for model in result.models],
    }


def _summary(result: FleetResult) -> Iterator[str]:
    state = result.state
    counts = [f"{state.trained:,} trained"]
    counts += [f"{state.published:,} published"] if state.to is not None else []
    counts += [f"{state.already_done:,} already done"] if state.already_done else []
    counts += [f"{state.failed:,} failed"] if state.failed else []
    counts += [f"{state.remaining:,} left"] if state.remaining else []
    rate = f", {state.models_per_hour:,.0f} models/hour" if state.trained else ""
    yield f"{', '.join(counts)} ({state.seconds:.0f} s{rate})"
    for failure in result.failures[:_FAILURES]:
        yield f"  {failure.where}: {failure.name}: {failure.error}"
