"""`hubtools cards import`: old and foreign READMEs become cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options
from hubtools.core.errors import HubtoolsError

if TYPE_CHECKING:
    from hubtools.cards.card import Card
    from hubtools.core.config import Project
    from hubtools.core.events import Reporter, Task


@dataclass(slots=True)
class _Tally:
    """What became of each README."""

    out: Path
    imported: list[str] = field(default_factory=list)
    unchanged: int = 0
    skipped: int = 0
    failed: list[HubtoolsError] = field(default_factory=list)

    def add(self, card: Card | HubtoolsError) -> None:
        from hubtools.cards.card_file import add_card

        if isinstance(card, HubtoolsError):
            self.failed.append(card)
            return
        try:
            new = add_card(card, self.out)
        except HubtoolsError as error:
            self.failed.append(error)
            return
        if new:
            self.imported.append(card.repo)
        else:
            self.unchanged += 1


def import_cards(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|DIR]...",
            help="READMEs of any name, and folders whose files with front matter are READMEs.",
        ),
    ] = None,
    from_hub: Annotated[
        str | None,
        typer.Option("--from-hub", metavar="NAMESPACE", help="All models of a user or an org."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the cards go.", show_default="cards"),
    ] = None,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Fetch those too whose card is there, and compare."),
    ] = False,
    to: options.To = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make cards of READMEs: huggingtweets', our own, or anybody's.

    A card that is there is never overwritten. A rerun fetches what is still missing.

    Examples:

      hubtools cards import old/README.md

      hubtools cards import --from-hub huggingtweets --to hf
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.core.errors import UsageError

    if bool(paths) == bool(from_hub):
        raise UsageError("give files or folders, or --from-hub NAMESPACE")
    project, report = find_project(), options.reporter(quiet, verbose)
    tally = _Tally(out or project.cards_folder)
    if from_hub:
        _from_hub(from_hub, to, project, tally, report, refetch=refetch)
    else:
        _from_files(paths or [], tally, report)
    if as_json:
        print_json(
            {
                "imported": len(tally.imported),
                "unchanged": tally.unchanged,
                "skipped": tally.skipped,
                "cards": [str(tally.out / f"{name}.toml") for name in tally.imported],
                "failed": [{"where": e.where, "error": str(e)} for e in tally.failed],
            }
        )
    _conclude(tally, report)


def _from_files(paths: list[Path], tally: _Tally, report: Reporter) -> None:
    from hubtools.cards.importing import import_paths, readmes

    with _progress(report, len(readmes(paths))) as bar:
        for done, (_, card) in enumerate(import_paths(paths), 1):
            tally.add(card)
            bar.advance(done)


def _from_hub(
    namespace: str,
    to: str | None,
    project: Project,
    tally: _Tally,
    report: Reporter,
    *,
    refetch: bool,
) -> None:
    from hubtools.services.import_from_hub import import_from_hub, list_hub_models
    from hubtools.sync.http_errors import translated_errors
    from hubtools.sync.target import connect, parse_target

    target = parse_target(to or project.config.hub.to, project.root)
    with connect(target) as api, translated_errors(f"{target}/{namespace}"):
        models = list_hub_models(api, namespace)
        report.detail(f"{len(models)} models of {namespace}")
        wanted = [m for m in models if refetch or not (tally.out / f"{m.name}.toml").is_file()]
        tally.skipped = len(models) - len(wanted)
        with _progress(report, len(wanted)) as bar:
            for done, (_, card) in enumerate(import_from_hub(api, wanted), 1):
                tally.add(card)
                bar.advance(done)


@contextmanager
def _progress(report: Reporter, total: int) -> Iterator[Task]:
    with report.task("Importing", total) as bar:
        yield bar


def _conclude(tally: _Tally, report: Reporter) -> None:
    """Say what was done; raises the one error, or PartlyDoneError where there were more READMEs."""
    from hubtools.core.errors import PartlyDoneError

    there = tally.unchanged + tally.skipped
    if len(tally.failed) == 1 and not tally.imported and not there:
        raise tally.failed[0]
    for error in tally.failed:
        report.note(f"Not imported: {error}")
    report.note(f"{len(tally.imported)} imported, {there} there already, {tally.out}")
    if tally.failed:
        raise PartlyDoneError(
            f"{len(tally.failed)} of {len(tally.failed) + len(tally.imported) + there} READMEs "
            "were not imported",
            fix="Correct them, and run the same command again",
        )
