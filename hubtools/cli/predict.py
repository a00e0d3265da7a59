"""`hubtools predict`: prompt a model."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli import options


def predict(
    model: Annotated[str, typer.Argument(metavar="DIR|REPO", help="A model's folder or id.")],
    prompt: Annotated[
        str | None, typer.Argument(help="The start of a post.", show_default="My dream is")
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many.")] = 10,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, same texts.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Let a model continue the start of a post.

    Examples:

      hubtools predict models/harbourlog "The Nightferry is" -n 5

      hubtools predict my-organization/harbourlog --seed 1
    """
    import secrets

    from hubtools.report import print_json
    from hubtools.training.base import load_base
    from hubtools.training.predict import Sampling
    from hubtools.training.predict import predict as predict_texts

    start = "My dream is" if prompt is None else prompt
    base = load_base(model)
    chosen = secrets.randbelow(2**31) if seed is None else seed
    texts = predict_texts(base, start, count, chosen, Sampling())
    if as_json:
        print_json({"prompt": start, "seed": chosen, "predictions": texts})
    else:
        for text in texts:
            typer.echo(f"• {text}")
