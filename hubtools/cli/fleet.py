"""`hubtools fleet`: many models at once."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.publish import (
    DEFAULT_BASE,
    DEFAULT_PROMPT,
    DEFAULT_SEED,
    AdapterFlag,
    Base,
    Prompt,
    RecipeName,
    Seed,
    recipe_name,
)
from hubtools.core.cancel import CancelledError
from hubtools.core.events import Reporter

if TYPE_CHECKING:
    from hubtools.fleet.run import FleetResult

app = typer.Typer(no_args_is_help=True, help="Train and publish many models.")


@app.command("run")
def run(
    manifest: Annotated[
        Path,
        typer.Argument(metavar="MANIFEST", help="A .toml with tables called models, or a .csv."),
    ],
    to: options.To = None,
    namespace: options.Namespace = None,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Whether models go to the Hub.")
    ] = True,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            metavar="N",
            help="How many train at once; 0 makes all in this process, without Ray.",
            show_default="one a GPU, else one a core",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="RAY",
            help="A Ray cluster that runs already, like auto or HOST:6379.",
            show_default="this machine",
        ),
    ] = None,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only every Nth row, from the Ith.")
    ] = "1/1",
    max_pending_uploads: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Pause training while this many models wait for upload."
        ),
    ] = 32,
    keep_folders: Annotated[
        bool, typer.Option(help="Keep each model's folder once it is on the Hub.")
    ] = True,
    compile_: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the base once per worker; pays off for many models on a GPU.",
        ),
    ] = False,
    models_per_batch: Annotated[
        int, typer.Option(min=1, metavar="N", help="Models that a worker trains at once.")
    ] = 1,
    base: Base = DEFAULT_BASE,
    prompt: Prompt = DEFAULT_PROMPT,
    recipe: RecipeName = None,
    adapter: AdapterFlag = False,
    seed: Seed = DEFAULT_SEED,
    cleaning: options.Cleaning = options.DEFAULT_CLEANING,
    lang: options.Language = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Train and publish a model for each row of a manifest, several at once.

    A row lists its sources, and may set name, base, recipe, seed, prompt, cleaning, lang,
    text_column and unlisted. What it leaves out comes from the manifest's [defaults], then from the
    options here. In a CSV file, separate several sources in a cell by ; (semicolon). Paths are
    relative to the manifest.

    A row that fails is reported, and the others go on (exit code 8). Run the same command again
    after an interruption of any kind: it trains what is missing.

    Examples:

      hubtools fleet run fleet.toml

      hubtools fleet run accounts.csv --base scratch --to hf --namespace my-organization

      hubtools fleet run accounts.csv --shard 3/64 --no-keep-folders
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.cancel import cancel_on_interrupt
    from hubtools.core.config import find_project
    from hubtools.fleet.display import fleet_display
    from hubtools.fleet.jobs import WorkerOptions
    from hubtools.fleet.manifest import RowOptions, parse_shard
    from hubtools.fleet.run import FleetRequest, run_fleet

    request = FleetRequest(
        project=find_project(),
        manifest=manifest,
        to=to,
        namespace=namespace,
        publish=publish,
        workers=workers,
        address=address,
        shard=parse_shard(shard),
        max_pending_uploads=max_pending_uploads,
        keep_folders=keep_folders,
        worker=WorkerOptions(compile=compile_, models_per_batch=models_per_batch),
        defaults=RowOptions(
            base=base,
            recipe=recipe_name(recipe, adapter),
            seed=seed,
            prompt=prompt,
            cleaning=cleaning,
            lang=lang,
        ),
    )
    reporter = options.reporter(quiet, verbose)
    display = nullcontext() if quiet else fleet_display(verbose=verbose > 0)
    with cancel_on_interrupt() as cancel, display as listener:
        if listener is not None:
            reporter = Reporter((*reporter.listeners, listener))
        result = run_fleet(request, reporter, cancel)
    if as_json:
        print_json(_document(result))
    elif not quiet:
        typer.echo(_summary(result))
    if result.end == "interrupted":
        raise CancelledError
    error = result.error()
    if error is not None:
        raise error


@app.command("status")
def status(
    as_json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show the progress of this project's fleets, from any terminal.

    Examples:

      hubtools fleet status

      hubtools fleet status --json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.fleet.display import status_lines
    from hubtools.fleet.journal import read_state, state_files

    states = [read_state(file) for file in state_files(find_project())]
    if as_json:
        fleets = [{**asdict(state), "active": active} for state, active in states]
        print_json({"fleets": fleets})
        return
    for state, active in states:
        for line in status_lines(state, active=active):
            typer.echo(line)
    if not states:
        typer.echo("This project has no fleets.")


@app.command("sweep")
def sweep(
    sources: options.Sources,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the report and the recipe go.")
    ],
    base: Base = DEFAULT_BASE,
    recipe: RecipeName = None,
    adapter: AdapterFlag = False,
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="How many recipes to try.")
    ] = 24,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", show_default="one a GPU or a core"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="RAY", help="A Ray cluster that runs already."),
    ] = None,
    seed: Seed = DEFAULT_SEED,
    cleaning: options.Cleaning = options.DEFAULT_CLEANING,
    lang: options.Language = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Search for a better recipe on several accounts, one per SOURCE.

    Recipes that fall behind end early. The search is scored on the validation split; the start and
    the winner are then scored on the test split. DIR gets report.html, trials.csv and recipe.toml,
    which --recipe takes.

    Examples:

      hubtools fleet sweep *.zip --out search

      hubtools fleet sweep *.zip --base scratch --trials 60 --out search
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.cancel import cancel_on_interrupt
    from hubtools.core.config import find_project
    from hubtools.core.extras import require_extra
    from hubtools.fleet import sweep as sweeps
    from hubtools.fleet.sweep_report import write_sweep

    require_extra("train", "Training", "torch", "transformers")
    request = sweeps.SweepRequest(
        project=find_project(),
        sources=tuple(sources),
        base=base,
        recipe=recipe_name(recipe, adapter),
        trials=trials,
        seed=seed,
        cleaning=cleaning,
        language=lang,
        workers=workers,
        address=address,
    )
    with cancel_on_interrupt() as cancel:
        result = sweeps.run_sweep(request, options.reporter(quiet, verbose), cancel)
    files = write_sweep(result, out)
    if as_json:
        print_json(
            {
                "improvement": result.improvement,
                "standard_error": result.standard_error,
                "accounts_improved": result.accounts_improved,
                "trials": len(result.trials),
                "files": [str(file) for file in files],
            }
        )
    elif not quiet:
        error = "" if result.standard_error is None else f" ± {result.standard_error:.4f}"
        typer.echo(
            f"The best of {len(result.trials)} recipes saves {result.improvement:.4f}{error} bits "
            f"per byte on the test split, and is better for {result.accounts_improved} of "
            f"{len(result.accounts)} accounts."
        )
        for file in files:
            typer.echo(f"  {file}")


def _document(result: FleetResult) -> dict[str, Any]:
    """What `fleet run --json` prints."""
    state = asdict(result.state)
    names = ("end", "total", "already_done", "trained", "published", "remaining", "workers",
             "seconds", "models_per_hour", "device_utilization")  # fmt: skip
    return {
        **{name: state[name] for name in names},
        "failed": [asdict(failure) for failure in result.failures],
        "models": [asdict(model) for model in result.models],
    }


def _summary(result: FleetResult) -> str:
    state = result.state
    parts = [f"{state.trained:,} trained"]
    parts += [f"{state.published:,} published"] if state.to is not None else []
    parts += [f"{state.already_done:,} already done"] if state.already_done else []
    parts += [f"{state.failed:,} failed"] if state.failed else []
    parts += [f"{state.remaining:,} left"] if state.remaining else []
    rate = f", {state.models_per_hour:,.0f} models/hour" if state.trained else ""
    lines = [f"{', '.join(parts)} ({state.seconds:.0f} s{rate})"]
    lines += [f"  {one.where}: {one.name}: {one.error}" for one in result.failures[:20]]
    return "\n".join(lines)
