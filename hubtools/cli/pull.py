"""`hubtools pull`: what people changed on the Hub, brought home into the cards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import options
from hubtools.cli.plan import chosen, where

if TYPE_CHECKING:
    from hubtools.core.errors import HubtoolsError
    from hubtools.services.pull import Edit
    from hubtools.services.session import Session


def pull(
    names: options.CardNames = None,
    every: Annotated[bool, typer.Option("--all", help="Every card in conflict.")] = False,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="Keep the README as it is on the Hub: its text becomes the card's, whole.",
        ),
    ] = False,
    to: options.To = None,
    namespace: options.Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Bring what was changed on the Hub into cards/NAME.toml and cards/NAME.md.

    Text goes to the prose, metadata to the card's fields or to [metadata]; what we changed since
    stays. Both are shown as a diff first. Where the same was changed on both sides, and where
    generated text was changed, nothing is done (exit code 6), unless --own keeps it as it is.

    Examples:

      hubtools pull harbourlog

      hubtools pull --all --to hf --namespace acme -y

      hubtools pull harbourlog --own
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.core.errors import ConflictError, UsageError
    from hubtools.services.session import open_session

    if bool(names) == every:
        raise UsageError("name the cards to pull, or say --all", fix="hubtools status lists them")
    project = find_project()
    target, owner = where(project, to, namespace)
    report = options.reporter(quiet, verbose)
    pulled: list[str] = []
    unchanged: list[str] = []
    undecided: dict[Path, HubtoolsError] = {}
    with open_session(project, target, owner, report, writing=False) as session:
        for file in _files(session, names, every):
            try:
                edit = _find(session, file, own)
                if edit is None:
                    unchanged.append(file.stem)
                elif _take(edit, yes or as_json, quiet or as_json, verbose):
                    pulled.append(file.stem)
            except ConflictError as error:
                undecided[file] = error
                report.note(f"  {error}")
    if as_json:
        print_json(_document(pulled, unchanged, undecided))
    elif not quiet:
        typer.echo(f"{len(pulled)} pulled, {len(unchanged)} with nothing to pull")
    if undecided:
        raise ConflictError(
            f"{len(undecided)} could not be brought home by themselves",
            fix="See above what to do about each",
        )


def _files(session: Session, names: list[str] | None, every: bool) -> list[Path]:
    from hubtools.services.session import make_plan

    if not every:
        return chosen(session.project, names)
    files = chosen(session.project, None)
    plan = make_plan(session, files, whole=False).plan
    conflicts = {change.name.casefold() for change in plan.of("conflict")}
    return [file for file in files if file.stem.casefold() in conflicts]


def _find(session: Session, file: Path, own: bool) -> Edit | None:
    from hubtools.services.pull import find_edit

    return find_edit(session, file, own=own)


def _take(edit: Edit, yes: bool, quiet: bool, verbose: int) -> bool:
    from hubtools.services.pull import save_edit

    undecided = bool(edit.home.undecided)
    if not quiet:
        if (verbose or undecided) and edit.base is not None:
            typer.echo(edit.there_diff)
        if not undecided:
            typer.echo(edit.diff or f"{edit.file}: says so already")
    asked = not yes and sys.stdin.isatty() and not undecided
    if asked and not typer.confirm(f"Change {edit.file}?", err=True):
        return False
    save_edit(edit)
    return True


def _document(
    pulled: list[str], unchanged: list[str], undecided: dict[Path, HubtoolsError]
) -> dict[str, Any]:
    return {
        "pulled": pulled,
        "unchanged": unchanged,
        "conflicts": [{"card": str(file), "error": e.what} for file, e in undecided.items()],
    }
