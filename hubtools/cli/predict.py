"""`hubtools predict`: prompt a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cards.look import LookName
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
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures", metavar="DIR", help="Draw each text as DIR/1.png, DIR/2.png …, to share."
        ),
    ] = None,
    look: options.Look = LookName.LIGHT,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Let a model continue the start of a post.

    Examples:

      hubtools predict models/harbourlog "The Nightferry is" -n 5

      hubtools predict my-organization/harbourlog --seed 1

      hubtools predict models/harbourlog -n 20 --pictures pictures --look dark
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
    said = {"prompt": start, "seed": chosen, "predictions": texts}
    if pictures is not None:
        said["pictures"] = _draw(model, start, texts, pictures, look, quiet, verbose)
    if as_json:
        print_json(said)
    else:
        for text in texts:
            typer.echo(f"• {text}")


def _draw(
    model: str,
    prompt: str,
    texts: list[str],
    folder: Path,
    look: LookName,
    quiet: bool,
    verbose: int,
) -> list[str]:
    """A picture of each text; returns their files."""
    from hubtools.cards.bulk_pictures import draw_all
    from hubtools.cards.redraw import left_out_note
    from hubtools.training.pictures import prediction_tasks

    report = options.reporter(quiet, verbose)
    tasks = prediction_tasks(model, prompt, texts, folder)
    missing = left_out_note(draw_all(tasks, look.look, report=report))
    if missing:
        report.note(missing)
    report.note(f"Drew {len(tasks):,} pictures in {folder}")
    return [str(task.file) for task in tasks]
