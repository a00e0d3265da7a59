"""The `hubtools` command: its groups, and how an error becomes one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hubtools.cli import (
    apply,
    cards,
    demo,
    fleet,
    hub,
    init,
    plan,
    posts,
    predict,
    publish,
    pull,
    retire,
    templates,
    train,
)
from hubtools.cli.options import VERBOSITY
from hubtools.core.cancel import CancelledError
from hubtools.core.errors import HubtoolsError

_INTERRUPTED = 130


class _Commands(TyperGroup):
    """Turns what a command raises into one line on stderr and the exit code of the error."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, CancelledError):
            _fail(ctx, "Interrupted. Run the same command again to go on from here.")
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
            _fail(ctx, f"Internal error: {_in_a_line(error)}. Please report it, with -vv.")
            raise typer.Exit(1) from error


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _fail(ctx: Any, line: str) -> None:
    if ctx.meta.get(VERBOSITY, 0) > 1:
        sys.stderr.write(traceback.format_exc())
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"hubtools {version('hf-hubtools')}\n")
        raise typer.Exit


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A small language model of your own posts, with an honest card, on the Hugging Face Hub.",
    epilog="Start with: hubtools publish your-archive.zip --base scratch",
)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("init")(init.init)
app.command("publish")(publish.publish)
app.command("train")(train.train)
app.command("predict")(predict.predict)
app.command("demo")(demo.demo)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("status")(plan.status)
app.command("pull")(pull.pull)
app.command("retire")(retire.retire)
app.add_typer(posts.app, name="posts")
app.add_typer(cards.app, name="cards")
app.add_typer(templates.app, name="templates")
app.add_typer(hub.app, name="hub")
app.add_typer(fleet.app, name="fleet")


def main() -> None:
    """The entry point of the `hubtools` script."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no emoji ends no command
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
