"""`hubtools plan` and `hubtools status`: what would change on the Hub, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options

if TYPE_CHECKING:
    from hubtools.core.config import Project
    from hubtools.services.session import Session
    from hubtools.sync.plan import Plan
    from hubtools.sync.target import Target

_PENDING = 3


class Format(Enum):
    """How a plan is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def plan(
    names: options.CardNames = None,
    to: options.To = None,
    namespace: options.Namespace = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Save the plan, for apply to carry out."),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 when something would change.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", help="markdown is for a pull request.")
    ] = Format.TABLE,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what would change on the Hub, and why; nothing is changed.

    For each card: create, update, unchanged, conflict (somebody changed it on the Hub: see
    hubtools pull) or retire. Without names, repositories without a card are listed as extra. With
    -v every README that would change is shown as a diff.

    Examples:

      hubtools plan

      hubtools plan harbourlog --to hf --namespace acme -v

      hubtools plan -o plan.json && hubtools apply plan.json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.session import make_plan, open_session
    from hubtools.sync.plan_file import plan_document, write_plan
    from hubtools.sync.plan_text import markdown

    project = find_project()
    target, owner = where(project, to, namespace)
    files = chosen(project, names)
    report = options.reporter(quiet, verbose)
    with open_session(project, target, owner, report, writing=False) as session:
        made = make_plan(session, files, whole=not names).plan
        shown = Format.JSON if as_json else format
        if out is not None:
            write_plan(made, out)
        if shown is Format.JSON:
            print_json(plan_document(made))
        elif shown is Format.MARKDOWN:
            diffs = _diffs(made, session, files) if verbose else ()
            typer.echo(markdown(made, diffs), nl=False)
        elif not quiet:
            for line in _lines(made, session, files, verbose):
                typer.echo(line)
    if exit_code and made.of("create", "update", "retire", "conflict"):
        raise typer.Exit(_PENDING)


def status(
    to: options.To = None,
    namespace: options.Namespace = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say in a few lines whether cards and Hub are in step.

    Examples:

      hubtools status

      hubtools status --to hf --namespace acme --json
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.session import make_plan, open_session
    from hubtools.sync.plan_text import summary, table

    project = find_project()
    target, owner = where(project, to, namespace)
    files = chosen(project, None)
    report = options.reporter(quiet, verbose)
    with open_session(project, target, owner, report, writing=False) as session:
        made = make_plan(session, files, whole=True).plan
    if as_json:
        print_json(
            {
                "to": made.to,
                "namespace": made.namespace,
                "cards": len(files),
                "counts": made.counts,
                "conflicts": [change.repo for change in made.of("conflict")],
                "requests": made.requests,
            }
        )
    elif not quiet:
        *conflicts, _ = table(made, most=most_shown(made, verbose), actions=("conflict",))
        pending = len(made.of("create", "update", "retire"))
        typer.echo("\n".join([summary(made), *conflicts]))
        if pending:
            typer.echo(f"{pending:,} to publish: hubtools plan shows them, hubtools apply does it")


def where(project: Project, to: str | None, namespace: str | None) -> tuple[Target, str | None]:
    """The target and the namespace that flags, environment and configuration say."""
    from hubtools.core.repo_names import check_repo_name
    from hubtools.sync.target import parse_target

    hub = project.config.hub
    owner = namespace or hub.namespace
    if owner is not None:
        check_repo_name(owner)
    target = parse_target(to, Path.cwd()) if to else parse_target(hub.to, project.root)
    return target, owner


def chosen(project: Project, names: Sequence[str] | None) -> list[Path]:
    """The files of the cards with these names, of all cards without names."""
    from hubtools.cards.selection import chosen_cards

    return chosen_cards(project.cards_folder, list(names or ()), not names)


def _lines(made: Plan, session: Session, files: Sequence[Path], verbose: int) -> Iterator[str]:
    from hubtools.sync.plan_text import table

    if verbose:
        yield from (diff for _, diff in _diffs(made, session, files))
    yield from table(made, most=most_shown(made, verbose))


def most_shown(made: Plan, verbose: int) -> int:
    """How many changes of a kind are listed one by one."""
    from hubtools.sync.plan_text import FEW

    return len(made.changes) + FEW + 1 if verbose else FEW


def _diffs(made: Plan, session: Session, files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Each repository whose README would change, or was changed there, with the diff."""
    from hubtools.cards.card_file import load_card
    from hubtools.sync.observe import UnreadableError, read_file
    from hubtools.sync.plan import README, Head
    from hubtools.sync.plan_text import readme_diff

    by_name = {file.stem.casefold(): file for file in files}
    for change in made.of("create", "update", "retire", "conflict"):
        if README not in change.files and change.action != "conflict":
            continue
        there = b""
        if change.head is not None:
            try:
                there = read_file(session.hub, Head(change.repo, change.head), README) or b""
            except UnreadableError:
                continue
        here = session.renderer.render(load_card(by_name[change.name.casefold()]))
        yield change.repo, readme_diff(change, there.decode("utf-8", errors="replace"), here)
