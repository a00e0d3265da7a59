"""`hubtools train`."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from hubtools.cards.card import Card
from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.results import PostCounts
from hubtools.services.train import TrainedModel, TrainRequest
from hubtools.services.train import train as train_model


def train(
    *,
    sources: options.Sources,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The model's folder, which is created.")
    ],
    namespace: options.Namespace = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The card's name.", show_default="the handles"),
    ] = None,
    training: options.TrainingOptions,
    track: options.Track = None,
    reading: options.ReadingOptions,
    output: options.OutputOptions,
) -> None:
    """Train a model of posts without publishing it.

    Creates the same folder and card as `hubtools publish`.

    Examples:
      hubtools train twitter-2024.zip --out my-model --base scratch
      hubtools train posts.csv --out my-model --base ./a-small-gpt2 --seed 7
    """
    request = train_request(sources, name, training, reading, track)
    request = replace(request, out=out.absolute(), namespace=namespace)
    with output.running() as (reporter, cancel):
        trained = train_model(request, reporter, cancel)
    if output.json:
        print_json(trained_document(trained))
    elif not output.quiet:
        typer.echo(f"Trained {trained.folder.path}\n  card    {trained.card_file}")


def train_request(
    sources: list[str],
    name: str | None,
    training: options.TrainingOptions,
    reading: options.ReadingOptions,
    track: str | None,
) -> TrainRequest:
    """The model that the options of `train` and `publish` describe."""
    return TrainRequest(
        project=find_project(),
        sources=tuple(sources),
        name=name,
        base=training.base,
        prompt=training.prompt,
        recipe=training.recipe,
        seed=training.seed,
        tracker=track,
        cleaning=reading.cleaning,
        language=reading.lang,
        reading=reading.read_options,
    )


def trained_document(trained: TrainedModel) -> dict[str, Any]:
    """What `train --json` prints."""
    card = trained.card
    return {
        "folder": str(trained.folder.path),
        "posts": _totals(card),
        "training": msgspec.to_builtins(card.training),
        "evaluation": msgspec.to_builtins(card.evaluation),
        "predictions": msgspec.to_builtins(card.predictions),
    }


def _totals(card: Card) -> dict[str, int]:
    """The counts of all accounts together."""
    counts = [asdict(account.posts) for account in card.accounts if account.posts]
    return {field.name: sum(each[field.name] for each in counts) for field in fields(PostCounts)}
