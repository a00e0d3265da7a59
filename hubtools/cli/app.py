"""The `hubtools` command: the table of commands, and what an error prints and exits with."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from hubtools.cli.lazy import HELP_OPTIONS, LazyCommand, LazyGroup
from hubtools.cli.options import VERBOSITY
from hubtools.core.cancel import CancelledError
from hubtools.core.errors import HubtoolsError

_INTERRUPTED = 130


def _command(name: str, target: str, summary: str) -> LazyCommand:
    return LazyCommand(name, f"hubtools.cli.{target}", summary)


_POSTS = LazyGroup.of(
    "posts",
    "Inspect an account's posts before training.",
    (
        _command("stats", "posts:stats", "Count an account's posts and why some are dropped."),
        _command(
            "export", "posts:export", "Write the posts that training would use as JSON Lines."
        ),
        _command("forget", "forget:forget", "Remove every local trace of an account."),
    ),
)
_CARDS = LazyGroup.of(
    "cards",
    "Import, render, check and edit model cards.",
    (
        _command("import", "cards_import:import_cards", "Create cards from existing READMEs."),
        _command("render", "cards:render", "Write the README.md of cards."),
        _command("check", "cards:check", "Find mistakes in cards."),
        _command("schema", "cards:schema", "Print the JSON Schema of a card."),
        _command("ls", "cards:list_cards", "List the project's cards."),
        _command("show", "cards:show", "Print a card as TOML."),
        _command("thumbnail", "thumbnail:thumbnail", "Draw the thumbnails of cards."),
    ),
)
_TEMPLATES = LazyGroup.of(
    "templates",
    "Override the templates that cards are rendered with.",
    (
        _command("copy", "templates:copy", "Create a card template to edit."),
        _command("check", "templates:check", "Find mistakes in the project's templates."),
    ),
)
_HUB = LazyGroup.of(
    "hub",
    "Run a local Hub and export it as a static site.",
    (
        _command("serve", "hub:serve", "Serve a local Hub: its API and its web pages."),
        _command("export", "hub:export", "Export the pages of a local Hub as a static site."),
    ),
)
_FLEET = LazyGroup.of(
    "fleet",
    "Train and publish many models.",
    (
        _command("run", "fleet:run", "Train and publish a model for each row of a manifest."),
        _command("status", "fleet:status", "Show the progress of this project's fleets."),
        _command("sweep", "sweep:sweep", "Search for a better recipe."),
    ),
)
_SECTIONS: dict[str, tuple[LazyCommand | LazyGroup, ...]] = {
    "Start a project": (
        _command("init", "init:init", "Create a project: settings, cards and a workflow."),
    ),
    "Make a model": (
        _POSTS,
        _command("train", "train:train", "Train a model of posts without publishing it."),
        _command("publish", "publish:publish", "Train a model of posts and publish it."),
        _command("predict", "predict:predict", "Generate posts with a model."),
        _command("demo", "demo:demo", "Serve a web page where people train their own model."),
    ),
    "Keep cards and Hub in sync": (
        _CARDS,
        _TEMPLATES,
        _command("plan", "plan:plan", "Show what apply would change on the Hub."),
        _command("apply", "apply:apply", "Make the Hub match the cards."),
        _command("status", "status:status", "Summarize how the Hub differs from the cards."),
        _command("pull", "pull:pull", "Bring edits made on the Hub into the cards."),
        _command("retire", "retire:retire", "Take a model down and deny its accounts."),
    ),
    "Serve and scale": (_HUB, _FLEET),
}


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Every command by its full name, such as `hubtools cards render`; imports all of them."""
    for section in _SECTIONS.values():
        for command in section:
            if isinstance(command, LazyCommand):
                yield f"hubtools {command.name}", command.load()
                continue
            for name, inner in command.commands.items():
                assert isinstance(inner, LazyCommand)
                yield f"hubtools {command.name} {name}", inner.load()


class _Root(LazyGroup):
    """Turns what a command raises into one line on stderr and the exit code of the error."""

    def __init__(self, **attributes: Any) -> None:
        commands = [command for section in _SECTIONS.values() for command in section]
        named = {str(command.name): command for command in commands}
        super().__init__(**{**attributes, "commands": named})
        self.sections = {
            title: [str(command.name) for command in section]
            for title, section in _SECTIONS.items()
        }

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, CancelledError):
            _fail(ctx, "Interrupted. Finished work is kept: run the same command again to resume.")
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of a pipe left; keep the interpreter from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except HubtoolsError as error:
            _fail(ctx, f"Error: {error}")
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            _fail(ctx, f"Error: {error.filename or 'system'}: {error.strerror or error}")
            raise typer.Exit(1) from error
        except Exception as error:
            if type(error).__module__.startswith("typer"):
                raise  # how typer ends a command
            line = " ".join(f"{type(error).__name__}: {error}".split())
            _fail(ctx, f"Internal error: {line}. Please report it with the output of -vv.")
            raise typer.Exit(1) from error


def _fail(ctx: Any, line: str) -> None:
    if ctx.meta.get(VERBOSITY, 0) > 1:
        sys.stderr.write(traceback.format_exc())
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"hubtools {version('hf-hubtools')}\n")
        raise typer.Exit


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
    help="Train a small language model on your own posts and publish it with an honest card.",
    epilog="Start with: hubtools publish your-archive.zip --base scratch",
)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The entry point of the `hubtools` script."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without emoji must not end a command
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
