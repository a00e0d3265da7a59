"""`hubtools hub`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.localhub.export import SiteOptions
from hubtools.services.export import ExportRequest
from hubtools.services.export import export as export_site
from hubtools.services.serve import ServeRequest
from hubtools.services.serve import serve as serve_hub

_HUB = Path("hub")


def serve(
    *,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder that holds the models.")
    ] = _HUB,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="N", help="The port; 0 picks a free one."),
    ] = 7878,
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="The user that callers are logged in as.")
    ] = "me",
    org: Annotated[
        list[str] | None,
        typer.Option("--org", metavar="NAME", help="An organization of the user; repeatable."),
    ] = None,
    inference: Annotated[
        bool,
        typer.Option("--inference/--no-inference", help="Let visitors prompt the models."),
    ] = True,
    output: options.LogOptions,
) -> None:
    """Serve a local Hub: its API and its web pages.

    Only this computer can reach it unless --host says otherwise. Then writing and private models
    require the token in the environment variable HUBTOOLS_HUB_TOKEN; without one the Hub is
    read-only. It speaks plain HTTP: put a proxy with TLS in front of it on an untrusted network.
    A model's page runs prompts one at a time, which requires the extra 'train'.

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
        inference=inference,
    )
    with output.running() as (reporter, cancel):
        serve_hub(request, reporter, cancel)


def export(
    *,
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.")],
    hub: Annotated[
        Path, typer.Option("--hub", metavar="DIR", help="The folder that holds the models.")
    ] = _HUB,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="The site's title.")
    ] = "Models",
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="The address the site will have, for pictures in link previews.",
            show_default="no pictures in previews",
        ),
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option("--pictures", help="Add a picture and a page to share for each prediction."),
    ] = False,
    all_files: Annotated[
        bool, typer.Option("--all-files", help="Copy files over 2 MiB, such as weights, as well.")
    ] = False,
    remote_pictures: Annotated[
        bool, typer.Option("--remote-pictures", help="Let cards load pictures from other hosts.")
    ] = False,
    output: options.OutputOptions,
) -> None:
    """Export the pages of a local Hub as a static site.

    The site works from a disk, from any folder of a web server, and as a static Space. Private
    models are left out. A second run writes what changed and removes what is gone.

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
    with output.running() as (reporter, cancel):
        done = export_site(ExportRequest(hub=hub, out=out, site=site), reporter, cancel)
    if output.json:
        print_json({"folder": str(out), **asdict(done)})
        return
    reporter.note(f"{done.models:,} models in {out / 'index.html'}, {done.written:,} written")
    if done.removed:
        reporter.note(f"Removed {done.removed:,} that are gone or private now")
    if done.left_out:
        reporter.note(f"Left out {done.left_out:,} private models")
