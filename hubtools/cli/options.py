"""Options and arguments that several commands share.

A dataclass here is a group: a command takes it as one parameter, and its fields are options of
the command (see `lazy.expand`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import typer

from hubtools.cli.terminal import terminal_reporter
from hubtools.core.cancel import CancelToken, cancel_on_interrupt
from hubtools.core.defaults import DEFAULT_BASE, DEFAULT_CLEANING, DEFAULT_PROMPT, DEFAULT_SEED
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.pictures.theme import ThemeName
from hubtools.posts.options import ReadOptions

VERBOSITY = "hubtools.verbosity"


class FindingFormat(Enum):
    """How findings are printed."""

    TEXT = "text"
    GITHUB = "github"
    JSON = "json"


def _remember(ctx: typer.Context, value: int) -> int:
    ctx.meta[VERBOSITY] = value
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_remember,
        show_default=False,
        help="Print more; -vv adds the traceback of an error.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

To = Annotated[
    str | None,
    typer.Option(
        "--to",
        envvar="HUBTOOLS_TO",
        metavar="local:DIR|hf|URL",
        help="The Hub to use: a local folder, huggingface.co or a compatible server.",
        show_default="local:hub",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        envvar="HUBTOOLS_NAMESPACE",
        metavar="NAME",
        help="The user or organization that owns the repositories.",
        show_default="me on a local Hub, else the logged-in user",
    ),
]

CardName = Annotated[str, typer.Argument(metavar="NAME", help="The card's name.")]
CardNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Names of cards.", show_default="all"),
]
NamedCards = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of cards.")
]
AllCards = Annotated[bool, typer.Option("--all", help="Every card of the project.")]
FindingsAs = Annotated[
    FindingFormat,
    typer.Option("--format", help="The output; github annotates the lines of a pull request."),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, metavar="N", help="Processes; 0 starts one per core."),
]
Theme = Annotated[ThemeName, typer.Option("--theme", help="Light or dark pictures.")]

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="An export of X, Mastodon or Bluesky, an API dump, a .jsonl, .csv or .txt file, "
        "mastodon:user@host or bluesky:handle. PATH#HANDLE selects one author of several. "
        "Several sources make one model of several accounts.",
        show_default=False,
    ),
]
Cleaning = Annotated[
    str,
    typer.Option(
        "--cleaning",
        metavar="voice|huggingtweets",
        help="How to clean posts: keep the account's own voice, or as huggingtweets did.",
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="CODE",
        help="Use only posts in this language, as labeled by the source.",
        show_default="all",
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column",
        metavar="NAME",
        help="The column or field that holds the text.",
        show_default="found by its name",
    ),
]
Unlisted = Annotated[
    bool, typer.Option("--unlisted", help="Include posts that are public but unlisted.")
]

Base = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="MODEL",
        help="The model to start from: a causal language model on the Hub, a folder, or scratch.",
    ),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME|FILE",
        help="The training recipe; lora trains a small adapter instead of all weights.",
        show_default="the default for --base",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, max=2**32 - 1, metavar="N", help="The random seed; same seed, same model."
    ),
]
Prompt = Annotated[
    str, typer.Option("--prompt", metavar="TEXT", help="The start of the card's predictions.")
]
Track = Annotated[
    str | None,
    typer.Option("--track", metavar="trackio|wandb", help="Log metrics to a tracker as well."),
]

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        metavar="N",
        help="Models to train at once; 0 trains in this process, without Ray.",
        show_default="one per GPU, else one per core",
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="RAY",
        help="A running Ray cluster, such as auto or HOST:6379.",
        show_default="this machine",
    ),
]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """How much a command prints."""

    quiet: Quiet = False
    verbose: Verbose = 0

    @contextmanager
    def running(self) -> Iterator[tuple[Reporter, CancelToken]]:
        """What a service needs to run under a command: a reporter, a token that Ctrl-C sets."""
        with cancel_on_interrupt() as cancel:
            yield Reporter() if self.quiet else terminal_reporter(self.verbose), cancel


@dataclass(frozen=True, kw_only=True)
class OutputOptions(LogOptions):
    """How and how much a command prints."""

    json: Json = False


@dataclass(frozen=True)
class HubOptions:
    """The Hub that a command works with."""

    to: To = None
    namespace: Namespace = None


@dataclass(frozen=True)
class ReadingOptions:
    """How sources are read."""

    cleaning: Cleaning = DEFAULT_CLEANING
    lang: Language = None
    text_column: TextColumn = None
    unlisted: Unlisted = False

    @property
    def read_options(self) -> ReadOptions:
        return ReadOptions(text_column=self.text_column, unlisted=self.unlisted)


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained."""

    base: Base = DEFAULT_BASE
    prompt: Prompt = DEFAULT_PROMPT
    recipe: Recipe = None
    seed: Seed = DEFAULT_SEED


def selected(names: list[str] | None, every: bool) -> tuple[str, ...] | None:
    """The cards that `NAME… | --all` selects; None is every card.

    Raises UsageError for neither and for both.
    """
    if every and names:
        raise UsageError("--all cannot be combined with names", fix="Give one of them")
    if not every and not names:
        raise UsageError("no card was named", fix="Give names, or --all")
    return None if every else tuple(names or ())
