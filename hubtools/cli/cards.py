"""`hubtools cards`: render, check, schema, ls and show."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from hubtools.cards.card_file import card_toml, load_card
from hubtools.cards.schema import card_schema
from hubtools.cards.selection import all_cards, named_cards
from hubtools.cli import options
from hubtools.cli.findings import print_findings, relative
from hubtools.cli.show import finish
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.errors import CardError
from hubtools.services.check_cards import CheckRequest, check_cards
from hubtools.services.render_cards import RenderRequest, render_cards


def render(
    *,
    names: options.NamedCards = None,
    every: options.AllCards = False,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")
    ] = Path("rendered"),
    jobs: options.Jobs = 0,
    namespace: options.Namespace = None,
    output: options.OutputOptions,
) -> None:
    """Write the README.md of cards.

    Each card becomes DIR/NAME/README.md; those that are up to date are not written again. A card
    that cannot be rendered is reported and the others are rendered (exit code 8).

    Examples:
      hubtools cards render harbourlog --out rendered
      hubtools cards render --all --json
    """
    started = time.monotonic()
    request = RenderRequest(
        project=find_project(),
        names=options.selected(names, every),
        out=out,
        jobs=jobs or None,
        namespace=namespace,
    )
    with output.running() as (reporter, cancel):
        done = render_cards(request, reporter, cancel)
    if output.json:
        print_json(
            {
                "rendered": done.rendered,
                "unchanged": done.unchanged,
                "seconds": round(time.monotonic() - started, 3),
                "failed": [{"card": each.name, "error": each.error} for each in done.failed],
            }
        )
    else:
        reporter.note(f"{done.rendered:,} rendered, {done.unchanged:,} unchanged in {out}")
    finish(done.error(), [failure.error for failure in done.failed], reporter)


def check(
    *,
    names: options.NamedCards = None,
    every: options.AllCards = False,
    format: options.FindingsAs = options.FindingFormat.TEXT,
    output: options.OutputOptions,
) -> None:
    """Find mistakes in cards.

    Checks keys, types, lengths, repository names, duplicate repositories, languages, licenses,
    pipelines, addresses, links to files, post counts and the size of the front matter. Prints
    FILE:LINE: MESSAGE for each mistake and exits with 1 if there are any.

    Examples:
      hubtools cards check harbourlog
      hubtools cards check --all --format github
    """
    request = CheckRequest(project=find_project(), names=options.selected(names, every))
    with output.running() as (reporter, cancel):
        done = check_cards(request, reporter, cancel)
    findings = [replace(finding, file=relative(finding.file)) for finding in done.findings]
    print_findings(findings, options.FindingFormat.JSON if output.json else format)
    if findings:
        raise typer.Exit(1)
    reporter.note(f"{done.checked:,} cards checked, no mistakes found")


def schema(verbose: options.Verbose = 0) -> None:
    """Print the JSON Schema of a card.

    Editors complete and check cards with it. With taplo (and Even Better TOML in VS Code), start a
    card with `#:schema ../card.schema.json`, or name the schema for all cards in .taplo.toml:
    `[[rule]] include = ["cards/*.toml"]` and `[rule.schema] path = "card.schema.json"`.

    Examples:
      hubtools cards schema > card.schema.json
    """
    typer.echo(json.dumps(card_schema(), ensure_ascii=False, indent=2))


def list_cards(output: options.OutputOptions) -> None:
    """List the project's cards.

    Prints each card's name, state and accounts; a card that cannot be read is `broken`.

    Examples:
      hubtools cards ls --json
    """
    rows = list(_rows(all_cards(find_project().cards_folder)))
    if output.json:
        print_json({"cards": rows})
        return
    for row in rows:
        about = row.get("error", ", ".join(row["accounts"]))
        typer.echo("  ".join([row["repo"], row["state"], about]))


def show(
    *,
    name: options.CardName,
    output: options.OutputOptions,
) -> None:
    """Print a card as TOML.

    Its keys are in the canonical order.

    Examples:
      hubtools cards show harbourlog
    """
    (file,) = named_cards(find_project().cards_folder, [name])
    card = load_card(file)
    if output.json:
        print_json(msgspec.to_builtins(card))
    else:
        typer.echo(card_toml(card), nl=False)


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            card = load_card(file)
        except CardError as error:
            yield {"repo": file.stem, "state": "broken", "accounts": [], "error": str(error)}
            continue
        names = [a.name or (f"@{a.handle}" if a.handle else "?") for a in card.accounts]
        yield {"repo": card.repo, "state": card.state, "accounts": names}
