"""Options that several commands share, and the reporter that they ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli.terminal import terminal_reporter
from hubtools.core.events import Reporter
from hubtools.pictures.theme import ThemeName

VERBOSITY = "hubtools.verbosity"


def _remember(ctx: typer.Context, value: int) -> int:
    ctx.meta[VERBOSITY] = value
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_remember,
        show_default=False,
        help="Say more; -vv shows the traceback of an error.",
    ),
]
Theme = Annotated[ThemeName, typer.Option("--theme", help="Colors of the pictures.")]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        envvar="HUBTOOLS_TO",
        metavar="local:DIR|hf|URL",
        help="Where models are published.",
        show_default="local:hub",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        envvar="HUBTOOLS_NAMESPACE",
        help="The user or organization that owns the repositories.",
        show_default="me on a local Hub, else who you are",
    ),
]

Cleaning = Annotated[
    str,
    typer.Option(
        "--cleaning",
        metavar="voice|huggingtweets",
        help="How posts are cleaned: to keep the voice, or just as huggingtweets did.",
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="CODE",
        help="Only posts in this language, where the source says it of each.",
        show_default="all",
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Posts: an export of X, Mastodon or Bluesky, a dump of an API, .jsonl, .csv, .txt, "
        "mastodon:user@host or bluesky:handle; PATH#HANDLE takes one author of several. "
        "Several sources make one model of several accounts.",
        show_default=False,
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column",
        metavar="NAME",
        help="The column or field that holds the posts, where it can't be told.",
        show_default="found by its name",
    ),
]
Unlisted = Annotated[
    bool,
    typer.Option("--unlisted", help="Also take what an export says is public but unlisted."),
]
CardNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Cards by their names.", show_default="all"),
]
DEFAULT_CLEANING = "voice"


def reporter(quiet: bool, verbose: int) -> Reporter:
    """Where a command says what it does, for what -q and -v ask."""
    return Reporter() if quiet else terminal_reporter(verbose)
