"""`hubtools demo`: a page on which people make a model of their own posts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.publish import DEFAULT_PROMPT, DEFAULT_SEED, Base, Prompt, RecipeName, Seed


def demo(
    base: Base = "scratch",
    prompt: Prompt = DEFAULT_PROMPT,
    recipe: RecipeName = None,
    seed: Seed = DEFAULT_SEED,
    to: options.To = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 7860,
    megabytes: Annotated[int, typer.Option(min=1, help="The largest upload.")] = 500,
    minutes: Annotated[float, typer.Option(min=0.1, help="The longest training.")] = 60,
    trainings: Annotated[int, typer.Option(min=1, help="Trainings at the same time.")] = 1,
    opening: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    space: Annotated[
        str | None,
        typer.Option(
            "--space", metavar="NS/NAME", help="Put the demo on a Space of the Hub instead."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="With --space: write its files, push nothing."),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Serve a page on which a model of one's own posts is made in three steps.

    Visitors show an archive or name an account, train, let the model talk, and download or
    publish it. Each has a folder that nobody else sees and that goes when the page is closed. On an
    address that others reach, neither this machine's Hub nor its login is offered to them.

    Examples:

      hubtools demo

      hubtools demo --base openai-community/gpt2 --minutes 20 --port 8080

      hubtools demo --space my-organization/posts-to-model --out space
    """
    from hubtools.config import find_project
    from hubtools.demo.limits import Limits
    from hubtools.demo.settings import Settings
    from hubtools.sync.target import parse_target

    project = find_project()
    hub = project.config.hub
    target = parse_target(to, Path.cwd()) if to else parse_target(hub.to, project.root)
    limits = Limits(megabytes=megabytes, minutes=minutes, trainings=trainings)
    settings = Settings(
        base=base, prompt=prompt, seed=seed, recipe=_absolute(recipe), to=str(target), limits=limits
    )
    report = options.reporter(quiet, verbose)
    if space is None:
        from hubtools.demo.server import serve

        serve(settings, project, host, port, report, opening=opening)
        return
    _to_space(space, settings, out, as_json, quiet)


def _absolute(recipe: str | None) -> str | None:
    """A recipe's file, named so that it is found from a visitor's folder too."""
    file = Path(recipe) if recipe else None
    return str(file.absolute()) if file and file.is_file() else recipe


def _to_space(space: str, settings: object, out: Path | None, as_json: bool, quiet: bool) -> None:
    from hubtools.demo.settings import Settings
    from hubtools.demo.space import push_space, write_space
    from hubtools.report import print_json

    assert isinstance(settings, Settings)
    if out is not None:
        files = write_space(out, space, settings)
        document = {"space": space, "folder": str(out), "files": list(files), "url": None}
        line = f"Wrote the files of the Space {space} to {out}"
    else:
        url = push_space(space, settings)
        document = {"space": space, "folder": None, "files": None, "url": url}
        line = f"The demo is at {url}"
    if as_json:
        print_json(document)
    elif not quiet:
        typer.echo(line)
