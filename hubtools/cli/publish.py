"""`hubtools publish`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.cli.train import train_request, trained_document
from hubtools.services.publish import PublishRequest, PublishResult
from hubtools.services.publish import publish as publish_model
from hubtools.services.targets import resolve_target

_SHOWN_PREDICTIONS = 3


def publish(
    *,
    sources: options.Sources,
    hub: options.HubOptions,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="REPO", help="The repository's name.", show_default="the handles"
        ),
    ] = None,
    training: options.TrainingOptions,
    track: options.Track = None,
    reading: options.ReadingOptions,
    output: options.OutputOptions,
) -> None:
    """Train a model of posts and publish it.

    Creates the model with its card and pictures and uploads them. Run the command again after an
    interruption to do what is left.

    Examples:
      hubtools publish twitter-2024.zip --base scratch
      hubtools publish me.zip friend.csv --name the-two-of-us
      hubtools publish me.zip --to hf --namespace my-organization
    """
    train = train_request(sources, name, training, reading, track)
    request = PublishRequest(train=train, to=hub.to, namespace=hub.namespace)
    with output.running() as (reporter, cancel):
        published = publish_model(request, reporter, cancel)
    if output.json:
        print_json(
            {
                "repo": published.repo_id,
                "url": published.url,
                **trained_document(published.model),
                "commit": published.commit,
            }
        )
    elif not output.quiet:
        target = resolve_target(train.project, hub.to, hub.namespace).target
        typer.echo("\n".join(_summary(published, str(target))))


def _summary(published: PublishResult, to: str) -> Iterator[str]:
    predictions = published.model.card.predictions[:_SHOWN_PREDICTIONS]
    if predictions:
        yield "\nPredictions:"
        yield from (f"  {' '.join(prediction.text.split())}" for prediction in predictions)
    yield ""
    yield (
        f"Published {published.repo_id} to {to}"
        if published.uploaded
        else (f"{published.repo_id} on {to} is up to date")
    )
    yield f"  model   {published.model.folder.path}"
    yield f"  card    {published.model.card_file}"
    if to.startswith("local:"):
        yield f"  page    {published.url} (run: hubtools hub serve {to.removeprefix('local:')})"
    else:
        yield f"  page    {published.url}"
