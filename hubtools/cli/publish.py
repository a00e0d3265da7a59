"""`hubtools publish`: from posts to a published model."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cards.card import Card
from hubtools.cli import options
from hubtools.core.cancel import cancel_on_interrupt
from hubtools.core.results import PostCounts

if TYPE_CHECKING:
    from hubtools.services.publish import PublishResult

Base = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="MODEL",
        help="What to start from: a causal language model on the Hub, a folder, or 'scratch'.",
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option("--recipe", metavar="NAME|FILE", help="How to train.", show_default="fits --base"),
]
AdapterFlag = Annotated[
    bool,
    typer.Option("--adapter", help="Train a LoRA adapter, at a hundredth of the storage."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Same seed, same model.")]
Prompt = Annotated[str, typer.Option("--prompt", help="What the card's predictions begin with.")]
Track = Annotated[
    str | None,
    typer.Option("--track", metavar="trackio|wandb", help="Also tell a tracker how it goes."),
]
DEFAULT_BASE = "openai-community/gpt2"
DEFAULT_PROMPT = "My dream is"
DEFAULT_SEED = 42


def publish(
    sources: options.Sources,
    to: options.To = None,
    namespace: options.Namespace = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The repository's name.", show_default="handles")
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
    """Make a model of posts, with its card and pictures, and publish it.

    Run it again after an interruption: it does what is left.

    Examples:

      hubtools publish twitter-2024.zip --base scratch

      hubtools publish me.zip friend.csv --name the-two-of-us

      hubtools publish me.zip --to hf --namespace my-organization
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.posts.options import ReadOptions
    from hubtools.services.publish import PublishRequest
    from hubtools.services.publish import publish as publish_model
    from hubtools.services.targets import resolve_target
    from hubtools.services.train import TrainRequest

    project = find_project()
    request = TrainRequest(
        project=project,
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
    whole = PublishRequest(project=project, train=request, to=to, namespace=namespace)
    with cancel_on_interrupt() as cancel:
        published = publish_model(whole, report, cancel)
    if as_json:
        print_json(_document(published))
    elif not quiet:
        typer.echo(_summary(published, str(resolve_target(project, to).target)))


def recipe_name(recipe: str | None, adapter: bool) -> str | None:
    """The recipe that --recipe and --adapter ask for together."""
    from hubtools.core.errors import UsageError

    if recipe is not None and adapter:
        fix = "Put an [adapter] table into the recipe, and leave --adapter out"
        raise UsageError("--adapter is a recipe of its own", fix=fix)
    return "lora" if adapter else recipe


def _document(published: PublishResult) -> dict[str, Any]:
    import msgspec

    card = published.model.card
    return {
        "repo": published.repo_id,
        "url": published.url,
        "folder": str(published.model.folder.path),
        "posts": _totals(card),
        "training": msgspec.to_builtins(card.training),
        "evaluation": msgspec.to_builtins(card.evaluation),
        "predictions": msgspec.to_builtins(card.predictions),
        "commit": published.commit,
    }


def _totals(card: Card) -> dict[str, int]:
    """The four counts, all accounts together."""
    counts = [asdict(account.posts) for account in card.accounts if account.posts]
    names = [field.name for field in fields(PostCounts)]
    return {name: sum(count[name] for count in counts) for name in names}


def _summary(published: PublishResult, target: str) -> str:
    made = published.model
    says = [f"  {' '.join(p.text.split())}" for p in made.card.predictions[:3]]
    done = (
        f"Published {published.repo_id}"
        if published.uploaded
        else f"{published.repo_id} is up to date"
    )
    look = (
        f"hubtools hub serve {target.removeprefix('local:')}, then {published.url}"
        if target.startswith("local:")
        else published.url
    )
    return "\n".join(
        [
            "",
            *(["It says:", *says, ""] if says else []),
            f"{done} ({target})",
            f"  model   {made.folder.path}",
            f"  card    {made.card_file}",
            f"  look    {look}",
        ]
    )
