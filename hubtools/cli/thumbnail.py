"""`hubtools cards thumbnail`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.show import finish
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.pictures.theme import ThemeName
from hubtools.services.thumbnail import ThumbnailRequest, left_out_note
from hubtools.services.thumbnail import thumbnail as draw_thumbnails


def thumbnail(
    *,
    names: options.NamedCards = None,
    every: options.AllCards = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE|DIR",
            help="The PNG; for several cards a folder of NAME.png.",
            show_default="each model's predictions.png",
        ),
    ] = None,
    prediction: Annotated[
        int,
        typer.Option(
            "--prediction", metavar="N", min=1, help="Show the card's Nth prediction, from 1."
        ),
    ] = 1,
    theme: options.Theme = ThemeName.LIGHT,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use the avatars in the model's folder only.")
    ] = False,
    jobs: options.Jobs = 0,
    output: options.OutputOptions,
) -> None:
    """Draw the thumbnails of cards.

    An avatar comes from the model's folder, else from the address on the card (https only, cached
    for a week); without one, the account's initial is drawn. The prediction on a model's own
    thumbnail becomes the first one of its card, which describes the picture.

    Examples:
      hubtools cards thumbnail harbourlog --prediction 3
      hubtools cards thumbnail harbourlog --theme dark --out harbourlog.png
      hubtools cards thumbnail --all --out thumbnails
    """
    request = ThumbnailRequest(
        project=find_project(),
        names=options.selected(names, every),
        out=out,
        prediction=prediction,
        theme=theme,
        offline=offline,
        jobs=jobs or None,
    )
    with output.running() as (reporter, cancel):
        done = draw_thumbnails(request, reporter, cancel)
    one = len(done.drawn) + len(done.failed) == 1
    if done.left_out:
        reporter.warn("left_out", left_out_note(done.left_out))
    if output.json and not (one and done.failed):
        drawn = [{"file": str(each.file), "prediction": each.prediction} for each in done.drawn]
        failed = [{"card": each.card, "error": str(each.error)} for each in done.failed]
        document = drawn[0] if one else {"pictures": drawn, "failed": failed}
        print_json({**document, "left_out": list(done.left_out)})
    elif one:
        for each in done.drawn:
            reporter.note(f"Drew {each.file}: {each.prediction}")
    else:
        reporter.note(f"Drew {len(done.drawn):,} thumbnails")
    finish(done.error(), [failure.error for failure in done.failed], reporter)
