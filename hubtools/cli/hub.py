"""`hubtools hub`: the local Hub as a server."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli.options import Json, Quiet, Verbose, reporter
from hubtools.cli.terminal import print_json
from hubtools.core.cancel import cancel_on_interrupt
from hubtools.localhub.export import SiteOptions
from hubtools.services.export import ExportRequest
from hubtools.services.export import export as export_site
from hubtools.services.serve import ServeRequest
from hubtools.services.serve import serve as serve_hub

HUB = Path("hub")

app = typer.Typer(help="The local Hub: a folder of models, served.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder that holds the models.")
    ] = HUB,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 7878,
    user: Annotated[str, typer.Option(help="Whom the Hub takes its caller for.")] = "me",
    org: Annotated[
        list[str] | None, typer.Option(help="An organization of the user; may be repeated.")
    ] = None,
    prompting: Annotated[
        bool, typer.Option("--prompting/--no-prompting", help="Let visitors prompt the models.")
    ] = True,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Serve the models in DIR: the Hub's API for huggingface_hub, and pages for a browser.

    Only this computer can reach it. With --host it can be others: then writing and private models
    ask for the token in the environment variable HUBTOOLS_HUB_TOKEN, and without one the Hub is
    read-only. It speaks plain HTTP; put a proxy with TLS before it where the network is not yours.

    The box on a model's page runs the model here, one at a time. It needs the extra 'train'.

    Examples:

      hubtools hub serve

      hubtools hub serve other-models --port 8080

      HUBTOOLS_HUB_TOKEN=$(cat token.txt) hubtools hub serve --host 0.0.0.0
    """
    request = ServeRequest(
        folder=folder,
        host=host,
        port=port,
        user=user,
        orgs=tuple(org or ()),
        token=os.environ.get("HUBTOOLS_HUB_TOKEN") or None,
        inference=prompting,
    )
    with cancel_on_interrupt() as cancel:
        serve_hub(request, reporter(quiet, verbose), cancel)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Where the site is written.")],
    hub: Annotated[
        Path, typer.Option("--hub", metavar="DIR", help="The folder that holds the models.")
    ] = HUB,
    title: Annotated[str, typer.Option(help="What the site is called.")] = "Models",
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the site will stand, so that previews elsewhere find the pictures.",
            show_default="no previews with pictures",
        ),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="A picture and a page for each card's predictions.")
    ] = False,
    all_files: Annotated[
        bool, typer.Option("--all-files", help="Also copy files over 2 MiB: the weights.")
    ] = False,
    remote_pictures: Annotated[
        bool,
        typer.Option("--remote-pictures", help="Let cards load pictures from other hosts."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Write the pages of the local Hub as a static site.

    It works from a disk, from any folder of any web server, and as a static Space: upload DIR to
    one as it is. Private models are left out. Run again, it writes what has changed and takes
    away what is gone.

    Examples:

      hubtools hub export site

      hubtools hub export site --pictures --url https://me-models.static.hf.space

      hf upload me/models site --repo-type space
    """
    site = SiteOptions(
        title=title,
        url=url,
        pictures=pictures,
        all_files=all_files,
        remote_pictures=remote_pictures,
    )
    report = reporter(quiet, verbose)
    with cancel_on_interrupt() as cancel:
        done = export_site(ExportRequest(hub=hub, out=out, site=site), report, cancel)
    if as_json:
        print_json({"folder": str(out), **asdict(done)})
        return
    report.note(f"{done.models:,} models are in {out / 'index.html'}, {done.written:,} written now")
    if done.removed:
        report.note(f"Taken away: {done.removed:,} that are gone or private now")
    if done.left_out:
        report.note(f"Left out: {done.left_out:,} private ones")
