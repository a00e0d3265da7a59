"""`hubtools predict`: prompt a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from unicodedata import category

import typer

from hubtools.cli import options
from hubtools.pictures.theme import ThemeName

if TYPE_CHECKING:
    from hubtools.training.base import Base
    from hubtools.training.generate import Sampling


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
    look: options.Look = ThemeName.LIGHT,
    temperature: Annotated[
        float, typer.Option(min=0.01, max=10.0, help="Lower is safer, higher is stranger.")
    ] = 1.0,
    top_p: Annotated[
        float,
        typer.Option(min=0.01, max=1.0, help="Only the likeliest words, so many in all."),
    ] = 0.95,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            envvar="HUBTOOLS_TO",
            metavar="local:DIR|hf|URL",
            help="The Hub that has it, when it is no folder.",
            show_default="hf",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Let a model continue the start of a post.

    Examples:

      hubtools predict models/harbourlog "The Nightferry is" -n 5

      hubtools predict my-organization/harbourlog --seed 1

      hubtools predict models/harbourlog -n 20 --pictures pictures --look dark
      hubtools predict me/harbourlog --to local:hub --temperature 0.8
    """
    import secrets
    import sys

    from hubtools.cli.terminal import print_json
    from hubtools.training.extra import require_training

    require_training()
    from hubtools.training.base import load_base
    from hubtools.training.generate import Sampling, predict_all

    start = "My dream is" if prompt is None else prompt
    with _found(model, to) as folder:
        base = load_base(folder)
    chosen = secrets.randbelow(2**31) if seed is None else seed
    sampling = Sampling(temperature=temperature, top_p=top_p)
    if count == 1 and sys.stdout.isatty() and not as_json and pictures is None:
        _type(base, start, chosen, sampling)
        return
    (texts,) = predict_all(base, [start], count, chosen, sampling)
    said: dict[str, Any] = {"prompt": start, "seed": chosen, "predictions": texts}
    if pictures is not None:
        said["pictures"] = _draw(model, start, texts, pictures, look, quiet, verbose)
    if as_json:
        print_json(said)
    else:
        for text in texts:
            typer.echo(f"• {_harmless(text)}")


def _draw(
    model: str,
    prompt: str,
    texts: list[str],
    folder: Path,
    look: ThemeName,
    quiet: bool,
    verbose: int,
) -> list[str]:
    """A picture of each text; returns their files."""
    from hubtools.pictures.bulk import draw_all
    from hubtools.services.prediction_pictures import prediction_tasks
    from hubtools.services.thumbnail import left_out_note

    report = options.reporter(quiet, verbose)
    tasks = prediction_tasks(model, prompt, texts, folder)
    missing = left_out_note(draw_all(tasks, look.look, report=report))
    if missing:
        report.note(missing)
    report.note(f"Drew {len(tasks):,} pictures in {folder}")
    return [str(task.file) for task in tasks]


def _type(base: Base, start: str, seed: int, sampling: Sampling) -> None:
    """Show one text while it is made."""
    from hubtools.training.generate import stream

    typer.echo("• ", nl=False)
    for piece in stream(base, start, seed, sampling):
        typer.echo(_harmless(piece), nl=False)
    typer.echo()


def _harmless(text: str) -> str:
    """Without characters that a terminal obeys instead of showing them."""
    shown = (c if c in "\n\t" or category(c) != "Cc" else "\ufffd" for c in text)
    return "".join(shown)


@contextmanager
def _found(model: str, to: str | None) -> Iterator[str]:
    """A folder, or an id that transformers finds on huggingface.co, as long as it is needed."""
    if to is None or Path(model).is_dir():
        yield model
        return
    from hubtools.sync.http_errors import translated_errors
    from hubtools.sync.target import connect, parse_target

    target = parse_target(to, Path.cwd())
    with connect(target) as api, translated_errors(f"{model} on {target}"):
        folder = api.snapshot_download(model, allow_patterns=["*.json", "*.safetensors", "*.txt"])
    yield folder
