"""`hubtools fleet sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_BASE, DEFAULT_CLEANING, DEFAULT_SEED
from hubtools.corpus.corpus import check_enough
from hubtools.fleet.sweep import SweepRequest, run_sweep, texts_of
from hubtools.fleet.sweep_report import write_report
from hubtools.posts.options import ReadOptions
from hubtools.services.read import ReadRequest, read
from hubtools.training.recipe import base_folder, recipe_for


def sweep(
    *,
    sources: options.Sources,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder for the report and recipe.")
    ],
    base: options.Base = DEFAULT_BASE,
    recipe: options.Recipe = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="How many recipes to try.")
    ] = 24,
    workers: options.Workers = None,
    address: options.RayAddress = None,
    seed: options.Seed = DEFAULT_SEED,
    cleaning: options.Cleaning = DEFAULT_CLEANING,
    lang: options.Language = None,
    output: options.OutputOptions,
) -> None:
    """Search for a better recipe.

    Tries variations of a recipe on several accounts, one per SOURCE, and stops those that fall
    behind early. Trials are compared on validation splits; the initial recipe and the winner are
    then scored on test splits. DIR gets report.html, trials.csv and recipe.toml, for --recipe.

    Examples:
      hubtools fleet sweep *.zip --out search
      hubtools fleet sweep *.zip --base scratch --trials 60 --out search
    """
    found = recipe_for(base, recipe)
    folder = base_folder(base)
    reading = ReadRequest(
        project=find_project(),
        sources=tuple(sources),
        options=ReadOptions(),
        cleaning=cleaning,
        language=lang,
    )
    request = SweepRequest(
        base=str(folder.absolute()) if folder else base,
        recipe=found,
        trials=trials,
        seed=seed,
        workers=workers,
        address=address,
    )
    with output.running() as (reporter, cancel):
        corpora = read(reading, reporter, cancel).corpora
        check_enough(corpora)
        done = run_sweep(request, texts_of(corpora), reporter, cancel)
    files = write_report(done, out)
    if output.json:
        print_json(
            {
                "gain": done.gain,
                "error": done.error,
                "better": done.better,
                "trials": len(done.trials),
                "files": [str(file) for file in files],
            }
        )
    elif not output.quiet:
        error = "" if done.error is None else f" ± {done.error:.4f}"
        typer.echo(
            f"The best of {len(done.trials)} recipes saves {done.gain:.4f}{error} bits per byte "
            f"on the test splits and is better for {done.better} of {len(done.accounts)} accounts"
        )
        for file in files:
            typer.echo(f"  {file}")
