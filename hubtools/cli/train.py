"""`hubtools train`: the model's folder, and nothing pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    Track,
    recipe_name,
)


def train(
    sources: options.Sources,
    out: Annotated[Path, typer.Option("--out", help="The folder to make.", metavar="DIR")],
    namespace: options.Namespace = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The card's name.", show_default="handles")
    ] = None,
    base: Base = DEFAULT_BASE,
    prompt: Prompt = DEFAULT_PROMPT,
    recipe: RecipeName = None,
    adapter: AdapterFlag = False,
    track: Track = None,
    text_column: options.TextColumn = None,
    unlisted: options.Unlisted = False,
    seed: Seed = DEFAULT_SEED,
    cleaning: options.Cleaning = options.DEFAULT_CLEANING,
    lang: options.Language = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make a model's folder and card as `publish` does, without pushing anything.

    Examples:

      hubtools train twitter-2024.zip --out my-model --base scratch

      hubtools train posts.csv --out my-model --base ./a-small-gpt2 --seed 7
    """
    import msgspec

    from hubtools.cli.terminal import print_json
    from hubtools.core.cancel import cancel_on_interrupt
    from hubtools.core.config import find_project
    from hubtools.posts.options import ReadOptions
    from hubtools.services.train import TrainRequest
    from hubtools.services.train import train as train_model

    request = TrainRequest(
        project=find_project(),
        out=out.absolute(),
        namespace=namespace,
        sources=tuple(sources),
        base=base,
        prompt=prompt,
        seed=seed,
        recipe=recipe_name(recipe, adapter),
        tracker=track,
        name=name,
        cleaning=cleaning,
        language=lang,
        reading=ReadOptions(text_column=text_column, unlisted=unlisted),
    )
    report = options.reporter(quiet, verbose)
    with cancel_on_interrupt() as cancel:
        made = train_model(request, report, cancel)
    if as_json:
        print_json(
            {
                "folder": str(made.folder.path),
                "card": str(made.card_file),
                "training": msgspec.to_builtins(made.card.training),
                "evaluation": msgspec.to_builtins(made.card.evaluation),
                "predictions": msgspec.to_builtins(made.card.predictions),
            }
        )
    elif not quiet:
        typer.echo(f"Made {made.folder.path}\n  card    {made.card_file}")
