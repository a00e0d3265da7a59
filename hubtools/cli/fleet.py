"""`hubtools fleet`: many models on one engine."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from hubtools.fleet.run import Finished

app = typer.Typer(no_args_is_help=True, help="Many models on one engine.")


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
    waiting: Annotated[
        int,
        typer.Option(
            "--waiting", min=1, metavar="N", help="Finished models that may wait for upload."
        ),
    ] = 32,
    keep: Annotated[
        bool,
        typer.Option("--keep/--no-keep", help="Whether folders stay once they are on the Hub."),
    ] = True,
    compiling: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the base once a worker, which takes minutes: for many models on a GPU.",
        ),
    ] = False,
    together: Annotated[
        int,
        typer.Option(
            "--together",
            min=1,
            metavar="N",
            help="Models that a worker trains in one pass.",
        ),
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
    """Make and publish a model for each row of a manifest, several at once.

    A row names its sources, and may say name, base, recipe, seed, prompt, cleaning, lang,
    text_column and unlisted; what it leaves open is as the table defaults, or the options here,
    say. In a CSV, several sources stand in one cell with ; between them. Paths start from the
    manifest.

    A row that fails is reported, and the others go on (exit code 8). Run it again after an
    interruption of any kind: what is made is not made again.

    Examples:

      hubtools fleet run fleet.toml

      hubtools fleet run accounts.csv --base scratch --to hf --namespace my-organization

      hubtools fleet run accounts.csv --shard 3/64 --no-keep
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.fleet.display import board
    from hubtools.fleet.manifest import Options, parse_shard
    from hubtools.fleet.run import FleetRequest, run_fleet
    from hubtools.fleet.worker import Manner
    from hubtools.sync.target import parse_target

    project = find_project()
    hub = project.config.hub
    target = None
    if publish:
        target = parse_target(to, Path.cwd()) if to else parse_target(hub.to, project.root)
    request = FleetRequest(
        manifest=manifest,
        target=target,
        namespace=namespace or hub.namespace,
        workers=workers,
        address=address,
        shard=parse_shard(shard),
        waiting=waiting,
        keep=keep,
        manner=Manner(compiling=compiling, together=together),
        fallback=Options(
            base=base,
            recipe=recipe_name(recipe, adapter),
            seed=seed,
            prompt=prompt,
            cleaning=cleaning,
            lang=lang,
        ),
    )
    report = options.reporter(quiet, verbose)
    done = run_fleet(request, project, board(quiet, verbose > 0), report)
    if as_json:
        print_json(_document(done))
    elif not quiet:
        typer.echo(_summary(done, published=publish))
    _end(done)


@app.command("status")
def status(
    as_json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say how far the fleets of this project are, from any terminal.

    Examples:

      hubtools fleet status

      hubtools fleet status --json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.fleet.display import status_lines
    from hubtools.fleet.journal import read_state, states

    found = [read_state(file) for file in states(find_project())]
    if as_json:
        print_json({"fleets": found})
        return
    for state in found:
        for line in status_lines(state):
            typer.echo(line)
    if not found:
        typer.echo("No fleet was run in this project.")


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
    """Search a recipe around the one given, on several accounts: each SOURCE is one.

    Recipes that are behind the others are given up early. The search looks at posts kept aside
    from training; the start and the winner are then scored on held-out posts. DIR gets
    report.html, trials.csv and recipe.toml, which --recipe takes.

    Examples:

      hubtools fleet sweep *.zip --out search

      hubtools fleet sweep *.zip --base scratch --trials 60 --out search
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.cancel import CancelToken
    from hubtools.core.config import find_project
    from hubtools.corpus.corpus import check_enough
    from hubtools.fleet.sweep import SweepRequest, run_sweep, texts_of
    from hubtools.fleet.sweep_report import write_report
    from hubtools.services.read import ReadRequest, read
    from hubtools.training.base import require_training
    from hubtools.training.recipe import base_folder, recipe_for

    require_training()
    report = options.reporter(quiet, verbose)
    found = recipe_for(base, recipe_name(recipe, adapter))
    reading = ReadRequest(project=find_project(), sources=sources, cleaning=cleaning, language=lang)
    corpora = read(reading, report, CancelToken()).corpora
    check_enough(corpora)
    folder = base_folder(base)
    request = SweepRequest(
        base=str(folder.absolute()) if folder else base,
        recipe=found,
        trials=trials,
        seed=seed,
        workers=workers,
        address=address,
    )
    done = run_sweep(request, texts_of(corpora), report)
    files = write_report(done, out)
    if as_json:
        saved = {"gain": done.gain, "error": done.error, "better": done.better}
        print_json({**saved, "trials": len(done.trials), "files": [str(file) for file in files]})
    elif not quiet:
        error = "" if done.error is None else f" ± {done.error:.4f}"
        typer.echo(
            f"The best of {len(done.trials)} recipes saves {done.gain:.4f}{error} bits a byte on "
            f"held-out posts, and is better for {done.better} of {len(done.accounts)} accounts"
        )
        for file in files:
            typer.echo(f"  {file}")


def _document(done: Finished) -> dict[str, Any]:
    """What `fleet run --json` prints."""
    from dataclasses import asdict

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


def _summary(done: Finished, *, published: bool) -> str:
    summary = done.summary
    said = [f"{summary.made:,} made"]
    said += [f"{summary.published:,} published"] if published else []
    said += [f"{summary.there:,} were there already"] if summary.there else []
    said += [f"{len(summary.failed):,} failed"] if summary.failed else []
    said += [f"{summary.left:,} left"] if summary.left else []
    rate = f"; {summary.per_hour:,.0f} models an hour" if summary.made else ""
    lines = [f"{', '.join(said)} ({summary.seconds:.0f} s{rate})"]
    lines += [f"  {one.where}: {one.name}: {one.error}" for one in summary.failed[:20]]
    return "\n".join(lines)


def _end(done: Finished) -> None:
    if done.end == "interrupted":
        raise KeyboardInterrupt
    error = done.error()
    if error is not None:
        raise error
