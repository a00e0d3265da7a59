"""`hubtools hub`: the local Hub as a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli.options import Quiet, Verbose, reporter

app = typer.Typer(help="The local Hub: a folder of models, served.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder that holds the models.")
    ] = Path("hub"),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 7878,
    user: Annotated[str, typer.Option(help="Whom the Hub takes its caller for.")] = "me",
    org: Annotated[
        list[str] | None, typer.Option(help="An organization of the user; may be repeated.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Serve the models in DIR: the Hub's API for huggingface_hub, and pages for a browser.

    With the environment variable HUBTOOLS_HUB_TOKEN set, writing and private models ask for
    that token.

    Examples:

      hubtools hub serve

      hubtools hub serve other-models --port 8080
    """
    from hubtools.localhub.access import Access
    from hubtools.localhub.server import serve as run

    access = Access(user, tuple(org or ()), os.environ.get("HUBTOOLS_HUB_TOKEN") or None)
    run(folder, host, port, access, reporter(quiet, verbose))
