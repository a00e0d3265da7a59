"""`hubtools fleet sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_BASE, DEFAULT_CLEANING, DEFAULT_SEED
from hubtools.core.extras import require_extra


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
    require_extra("fleet", "The search", "torch", "transformers", "ray")
    from hubtools.fleet.sweep import run_sweep
    from hubtools.fleet.sweep_report import write_sweep
    from hubtools.fleet.sweep_trials import SweepRequest

    request = SweepRequest(
        project=find_project(),
        sources=tuple(sources),
        base=base,
        recipe=recipe,
        trials=trials,
        seed=seed,
        cleaning=cleaning,
        language=lang,
        workers=workers,
        address=address,
    )
    with output.running() as (reporter, cancel):
        result = run_sweep(request, reporter, cancel)
    files = write_sweep(result, out)
    if output.json:
        print_json(
            {
                "improvement": result.improvement,
                "standard_error": result.standard_error,
                "accounts_improved": result.accounts_improved,
                "trials": len(result.trials),
                "files": [str(file) for file in files],
            }
        )
    elif not output.quiet:
        error = "" if result.standard_error is None else f" ± {result.standard_error:.4f}"
        typer.echo(
            f"The best of {len(result.trials)} recipes saves {result.improvement:.4f}{error} bits "
            f"per byte on the test split and is better for {result.accounts_improved} of "
            f"{len(result.accounts)} accounts."
        )
        for file in files:
            typer.echo(f"  {file}")
