"""`hubtools cards`: the files that say what each model's card says."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli import cards_import, options
from hubtools.pictures.theme import ThemeName

if TYPE_CHECKING:
    from hubtools.cards.bulk import Rendered
    from hubtools.cards.check import Finding
    from hubtools.cards.render import CardRenderer
    from hubtools.core.config import Project
    from hubtools.core.events import Reporter
    from hubtools.pictures.bulk import ThumbnailTask

app = typer.Typer(help="Cards: one TOML file for each model.", no_args_is_help=True)
app.command("import")(cards_import.import_cards)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Cards by their names.")
]
All = Annotated[bool, typer.Option("--all", help="Every card of the project.")]
Name = Annotated[str, typer.Argument(help="The card's name.")]

_SHOWN_FAILURES = 20


class Format(Enum):
    """How findings are printed."""

    TEXT = "text"
    GITHUB = "github"
    JSON = "json"


@app.command()
def render(
    names: Names = None,
    every: All = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path(
        "rendered"
    ),
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 is one a core.")
    ] = 0,
    namespace: options.Namespace = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write DIR/NAME/README.md for each card.

    What is as it should be is left alone: DIR remembers what each README was made of. A card that
    cannot be rendered is reported and the others are rendered (exit code 8).

    Examples:

      hubtools cards render harbourlog --out rendered

      hubtools cards render --all --json
    """
    from hubtools.cards.bulk import render_all
    from hubtools.cards.selection import chosen_cards
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project

    project, started = find_project(), time.monotonic()
    files = chosen_cards(project.cards_folder, names or [], every)
    report = options.reporter(quiet, verbose)
    renderer = _renderer(project, namespace)
    done = render_all(files, out, renderer, jobs=jobs or os.cpu_count() or 1, report=report)
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        failed = [{"card": failure.name, "error": failure.error} for failure in done.failed]
        counts = {"rendered": done.rendered, "unchanged": done.unchanged, "seconds": seconds}
        print_json({**counts, "failed": failed})
    else:
        report.note(f"{done.rendered:,} rendered, {done.unchanged:,} unchanged, {out}")
    _raise_failures(done, len(files), report)


@app.command()
def check(
    names: Names = None,
    every: All = False,
    format: Annotated[
        Format, typer.Option("--format", help="github annotates the lines of a pull request.")
    ] = Format.TEXT,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Find everything that is wrong with cards: FILE:LINE: MESSAGE for each.

    Looked at are: unknown and missing keys, types, lengths, names of repositories, two cards of one
    repository, languages, licences, pipelines, addresses that are not https, links to files that
    the model's folder does not have, counts that do not add up, the size of the front matter.
    Exit code 1 when anything is found.

    Examples:

      hubtools cards check harbourlog

      hubtools cards check --all --format github
    """
    from hubtools.cards.check import check_cards
    from hubtools.cards.selection import chosen_cards
    from hubtools.core.config import find_project

    project = find_project()
    files = sorted(chosen_cards(project.cards_folder, names or [], every))
    found = list(check_cards([shown(file) for file in files], project.models_folder))
    print_findings(found, Format.JSON if as_json else format)
    if found:
        raise typer.Exit(1)
    options.reporter(quiet, verbose).note(f"{len(files):,} cards, nothing wrong")


@app.command()
def schema(verbose: options.Verbose = 0) -> None:
    """Print the JSON Schema of a card's TOML, from which editors complete and check it.

    With taplo (and Even Better TOML in VS Code), the first line of a card names it:

      #:schema ../card.schema.json

    or .taplo.toml names it for all of them: [[rule]] include = ["cards/*.toml"], and below that
    [rule.schema] path = "card.schema.json".

    Example:

      hubtools cards schema > card.schema.json
    """
    from hubtools.cards.schema import card_schema

    typer.echo(json.dumps(card_schema(), ensure_ascii=False, indent=2))


@app.command("ls")
def list_cards(
    as_json: options.Json = False, quiet: options.Quiet = False, verbose: options.Verbose = 0
) -> None:
    """List the project's cards: name, state and accounts; a card that cannot be read is `broken`.

    Example:

      hubtools cards ls --json
    """
    from hubtools.cards.selection import all_cards
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project

    files = all_cards(find_project().cards_folder)
    if as_json:
        print_json({"cards": list(_rows(files))})
        return
    for row in _rows(files):
        typer.echo(
            "  ".join([row["repo"], row["state"], row.get("error", ", ".join(row["accounts"]))])
        )


@app.command()
def show(
    name: Name,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Print a card as TOML, its keys in the canonical order.

    Example:

      hubtools cards show harbourlog
    """
    import msgspec

    from hubtools.cards.card_file import card_toml, load_card
    from hubtools.cards.selection import named_cards
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project

    (file,) = named_cards(find_project().cards_folder, [name])
    card = load_card(file)
    if as_json:
        print_json(msgspec.to_builtins(card))
    else:
        typer.echo(card_toml(card), nl=False)


@app.command()
def thumbnail(
    names: Names = None,
    every: All = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE|DIR",
            help="The PNG; of several cards the folder, for DIR/NAME.png.",
            show_default="each model's predictions.png",
        ),
    ] = None,
    prediction: Annotated[
        int, typer.Option("--prediction", metavar="N", min=1, help="Which of the card's, from 1.")
    ] = 1,
    look: options.Look = ThemeName.LIGHT,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch no avatars; those of the folder are shown.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 is one a core.")
    ] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Draw cards' thumbnails, from whichever prediction says it best.

    An account's picture is the one that the model's folder holds; else it is fetched once from the
    address on the card (https, public servers, for a week). Without one, its initial is drawn.
    The prediction on a model's own picture becomes the first of its card, which is about that one.

    Examples:

      hubtools cards thumbnail harbourlog --prediction 3

      hubtools cards thumbnail harbourlog --look dark --out harbourlog.png

      hubtools cards thumbnail --all --out thumbnails
    """
    from hubtools.cards.card_file import load_card, save_card
    from hubtools.cards.selection import chosen_cards
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.core.run_record import renew_digest
    from hubtools.pictures.bulk import draw_all
    from hubtools.services.thumbnail import chosen_prediction, left_out_note, with_first

    project = find_project()
    files = chosen_cards(project.cards_folder, names or [], every)
    report = options.reporter(quiet, verbose)
    tasks, failed = _thumbnails(files, project, out, prediction, offline)
    left_out = draw_all(list(tasks.values()), look.look, jobs=jobs or None, report=report)
    for file, task in tasks.items():
        renew_digest(task.file)
        if out is None and prediction > 1:
            card = load_card(file)
            save_card(with_first(card, chosen_prediction(card, prediction)), file)
    if left_out:
        report.note(left_out_note(left_out))
    if as_json:
        drawn = [{"file": str(t.file), "prediction": t.subject.prediction} for t in tasks.values()]
        one = drawn[0] if len(files) == 1 and drawn else {"pictures": drawn, "failed": failed}
        print_json({**one, "left_out": list(left_out)})
    elif len(files) == 1:
        (task,) = tasks.values()
        report.note(f"Drew {task.file}: {task.subject.prediction}")
    else:
        report.note(f"Drew {len(tasks):,} thumbnails")
    _raise_undrawn(failed, len(files), report)


def _thumbnails(
    files: list[Path], project: Project, out: Path | None, number: int, offline: bool
) -> tuple[dict[Path, ThumbnailTask], list[dict[str, str]]]:
    """What to draw for each card's file, and which cannot be drawn; one alone raises its error."""
    from dataclasses import replace

    from hubtools.cards.card_file import load_card
    from hubtools.core.errors import HubtoolsError
    from hubtools.pictures.bulk import ThumbnailTask
    from hubtools.posts.live.avatars import default_fetcher
    from hubtools.posts.live.settings import cache_folder
    from hubtools.services.thumbnail import chosen_prediction, subject_of, thumbnail_file

    fetcher = default_fetcher(cache_folder())
    fetcher = replace(fetcher, offline=offline or fetcher.offline)
    tasks: dict[Path, ThumbnailTask] = {}
    failed: list[dict[str, str]] = []
    for file in files:
        folder = project.models_folder / file.stem
        try:
            card = load_card(file)
            chosen = chosen_prediction(card, number)
            single = out if out is None or len(files) == 1 else out / f"{file.stem}.png"
            target = single or thumbnail_file(folder)
            subject = subject_of(card, chosen, folder, fetcher.fetch)
        except HubtoolsError as error:
            if len(files) == 1:
                raise
            failed.append({"card": file.stem, "error": str(error)})
            continue
        tasks[file] = ThumbnailTask(subject, target)
    return tasks, failed


def _raise_undrawn(failed: list[dict[str, str]], total: int, report: Reporter) -> None:
    from hubtools.core.errors import PartlyDoneError

    for failure in failed[:_SHOWN_FAILURES]:
        report.note(failure["error"])
    if failed:
        raise PartlyDoneError(f"{len(failed):,} of {total:,} thumbnails could not be drawn")


def print_findings(found: list[Finding], format: Format) -> None:
    """What `check` found, on stdout."""
    from hubtools.cli.terminal import print_json

    if format is Format.JSON:
        print_json(
            {
                "findings": [
                    {"file": str(f.file), "line": f.line, "message": f.message} for f in found
                ]
            }
        )
        return
    for finding in found:
        typer.echo(_annotation(finding) if format is Format.GITHUB else str(finding))


def _annotation(finding: Finding) -> str:
    """GitHub wants the path from the root of the repository, wherever the command runs."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    file = Path.cwd() / finding.file
    inside = file.relative_to(root) if file.is_relative_to(root) else finding.file
    return replace(finding, file=inside).as_annotation()


def shown(file: Path) -> Path:
    """The path from the working directory, as editors and GitHub want it, where there is one."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    from hubtools.cards.card_file import load_card
    from hubtools.core.errors import CardError

    for file in files:
        try:
            card = load_card(file)
        except CardError as error:
            yield {"repo": file.stem, "state": "broken", "accounts": [], "error": str(error)}
            continue
        names = [a.name or (f"@{a.handle}" if a.handle else "?") for a in card.accounts]
        yield {"repo": card.repo, "state": card.state, "accounts": names}


def _renderer(project: Project, namespace: str | None) -> CardRenderer:
    from hubtools.cards.render import CardRenderer
    from hubtools.sync.target import LOCAL_NAMESPACE, parse_target

    config = project.config
    target = parse_target(config.hub.to, project.root)
    owner = namespace or config.hub.namespace or LOCAL_NAMESPACE
    return CardRenderer(owner, target.files_url, config.project, project.templates_folder)


def _raise_failures(done: Rendered, total: int, report: Reporter) -> None:
    """Raises CardError for the one card that was asked for, PartlyDoneError for some of many."""
    from hubtools.core.errors import CardError, PartlyDoneError

    if not done.failed:
        return
    if total == 1:
        raise CardError(done.failed[0].error)
    for failure in done.failed[:_SHOWN_FAILURES]:
        report.note(failure.error)
    raise PartlyDoneError(
        f"{len(done.failed):,} of {total:,} cards could not be rendered",
        fix="Mend them, and run it again: hubtools cards check --all names what is wrong",
    )
