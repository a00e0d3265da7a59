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
from hubtools.core.cancel import CancelToken
from hubtools.core.errors import HubtoolsError, PartlyDoneError, UsageError
from hubtools.pictures.theme import ThemeName

if TYPE_CHECKING:
    from hubtools.cards.check import Finding
    from hubtools.core.events import Reporter

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
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.render_cards import RenderRequest, render_cards

    started, report = time.monotonic(), options.reporter(quiet, verbose)
    request = RenderRequest(
        project=find_project(),
        names=_names(names, every),
        out=out,
        jobs=jobs or None,
        namespace=namespace,
    )
    done = render_cards(request, report, CancelToken())
    if as_json:
        failed = [{"card": failure.name, "error": failure.error} for failure in done.failed]
        counts = {"rendered": done.rendered, "unchanged": done.unchanged}
        seconds = round(time.monotonic() - started, 3)
        print_json({**counts, "seconds": seconds, "failed": failed})
    else:
        report.note(f"{done.rendered:,} rendered, {done.unchanged:,} unchanged, {out}")
    _end(done.error(), [failure.error for failure in done.failed], report)


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
    from hubtools.core.config import find_project
    from hubtools.services.check_cards import CheckRequest, check_cards

    report = options.reporter(quiet, verbose)
    request = CheckRequest(project=find_project(), names=_names(names, every))
    done = check_cards(request, report, CancelToken())
    found = [replace(finding, file=shown(finding.file)) for finding in done.findings]
    print_findings(found, Format.JSON if as_json else format)
    if found:
        raise typer.Exit(1)
    report.note(f"{done.checked:,} cards, nothing wrong")


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
    theme: options.Theme = ThemeName.LIGHT,
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

      hubtools cards thumbnail harbourlog --theme dark --out harbourlog.png

      hubtools cards thumbnail --all --out thumbnails
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.thumbnail import ThumbnailRequest, left_out_note
    from hubtools.services.thumbnail import thumbnail as draw

    report = options.reporter(quiet, verbose)
    request = ThumbnailRequest(
        project=find_project(),
        names=_names(names, every),
        out=out,
        prediction=prediction,
        theme=theme,
        offline=offline,
        jobs=jobs or None,
    )
    done = draw(request, report, CancelToken())
    only = len(done.drawn) + len(done.failed) == 1
    if done.left_out:
        report.note(left_out_note(done.left_out))
    if as_json and not (only and done.failed):
        drawn = [{"file": str(d.file), "prediction": d.prediction} for d in done.drawn]
        failed = [{"card": f.card, "error": str(f.error)} for f in done.failed]
        shape = drawn[0] if only else {"pictures": drawn, "failed": failed}
        print_json({**shape, "left_out": list(done.left_out)})
    elif only:
        for one in done.drawn:
            report.note(f"Drew {one.file}: {one.prediction}")
    else:
        report.note(f"Drew {len(done.drawn):,} thumbnails")
    _end(done.error(), [str(failure.error) for failure in done.failed], report)


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


def _names(names: list[str] | None, every: bool) -> tuple[str, ...] | None:
    """What `[NAME…|--all]` means; raises UsageError for neither and for both."""
    if every and names:
        raise UsageError("--all and names cannot be combined", fix="Give one of them")
    if not every and not names:
        raise UsageError("no card was named", fix="Give names, or --all")
    return None if every else tuple(names or ())


def _end(error: HubtoolsError | None, failures: list[str], report: Reporter) -> None:
    """Raise the error of a command, after a note on each of the many failures behind it."""
    if isinstance(error, PartlyDoneError):
        for failure in failures[:_SHOWN_FAILURES]:
            report.note(failure)
    if error is not None:
        raise error
