"""`hubtools predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from unicodedata import category

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.cancel import CancelToken
from hubtools.core.defaults import DEFAULT_PROMPT
from hubtools.core.events import Reporter
from hubtools.pictures.theme import ThemeName
from hubtools.services.predict import PredictRequest, PredictResult, stream
from hubtools.services.predict import predict as generate
from hubtools.services.thumbnail import (
    PredictionPicturesRequest,
    draw_predictions,
    left_out_note,
)


def predict(
    *,
    model: Annotated[
        str, typer.Argument(metavar="DIR|REPO", help="A model's folder or repository id.")
    ],
    prompt: Annotated[str, typer.Argument(metavar="[PROMPT]", help="The start of a post.")] = (
        DEFAULT_PROMPT
    ),
    n: Annotated[int, typer.Option("-n", min=1, max=1000, metavar="N", help="How many.")] = 10,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, metavar="N", help="The random seed; same seed, same posts."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help="Draw each post: DIR/1.png, DIR/2.png …"),
    ] = None,
    theme: options.Theme = ThemeName.LIGHT,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature",
            min=0.01,
            max=10.0,
            metavar="X",
            help="Lower is safer, higher is stranger.",
        ),
    ] = 1.0,
    top_p: Annotated[
        float,
        typer.Option(
            "--top-p",
            min=0.01,
            max=1.0,
            metavar="P",
            help="Sample from the most likely tokens that add up to this probability.",
        ),
    ] = 0.95,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            envvar="HUBTOOLS_TO",
            metavar="local:DIR|hf|URL",
            help="The Hub that holds REPO.",
            show_default="hf",
        ),
    ] = None,
    output: options.OutputOptions,
) -> None:
    """Generate posts with a model.

    Examples:
      hubtools predict models/harbourlog "The Nightferry is" -n 5
      hubtools predict my-organization/harbourlog --seed 1
      hubtools predict models/harbourlog -n 20 --pictures pictures --theme dark
      hubtools predict me/harbourlog --to local:hub --temperature 0.8
    """
    request = PredictRequest(
        model=model, to=to, prompt=prompt, n=n, seed=seed, temperature=temperature, top_p=top_p
    )
    with output.running() as (reporter, cancel):
        if n == 1 and sys.stdout.isatty() and not output.json and pictures is None:
            typer.echo("• ", nl=False)
            for piece in stream(request, cancel):
                typer.echo(_printable(piece), nl=False)
            typer.echo()
            return
        generated = generate(request, reporter, cancel)
        document: dict[str, Any] = {
            "prompt": generated.prompt,
            "seed": generated.seed,
            "predictions": generated.predictions,
        }
        if pictures is not None:
            document["pictures"] = _draw(generated, pictures, theme, reporter, cancel)
    if output.json:
        print_json(document)
    else:
        for text in generated.predictions:
            typer.echo(f"• {_printable(text)}")


def _draw(
    generated: PredictResult,
    folder: Path,
    theme: ThemeName,
    reporter: Reporter,
    cancel: CancelToken,
) -> list[str]:
    """Draw each post and return the files."""
    request = PredictionPicturesRequest(
        model=generated.place,
        prompt=generated.prompt,
        texts=generated.predictions,
        out=folder,
        theme=theme,
    )
    drawn = draw_predictions(request, reporter, cancel)
    if drawn.left_out:
        reporter.warn("left_out", left_out_note(drawn.left_out))
    reporter.note(f"Drew {len(drawn.files):,} pictures in {folder}")
    return [str(file) for file in drawn.files]


def _printable(text: str) -> str:
    """`text` without the control characters that a terminal would obey."""
    return "".join(c if c in "\n\t" or category(c) != "Cc" else "\ufffd" for c in text)
