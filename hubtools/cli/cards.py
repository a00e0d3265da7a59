"""`hubtools cards`: the files that say what each model's card says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options

if TYPE_CHECKING:
    from hubtools.cards.model import Card
    from hubtools.config import Project

app = typer.Typer(help="Cards: one TOML file for each model.", no_args_is_help=True)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Cards by their names.")
]
All = Annotated[bool, typer.Option("--all", help="Every card of the project.")]


@app.command()
def render(
    names: Names = None,
    every: All = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path(
        "rendered"
    ),
    namespace: options.Namespace = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write DIR/NAME/README.md for each card.

    Examples:

      hubtools cards render harbourlog --out /tmp/cards

      hubtools cards render --all
    """
    from hubtools.cards.render import CardRenderer
    from hubtools.config import find_project
    from hubtools.files import write_atomically
    from hubtools.publish import LOCAL_NAMESPACE
    from hubtools.report import print_json
    from hubtools.sync.target import parse_target

    project, started = find_project(), time.monotonic()
    target = parse_target(project.config.hub.to, project.root)
    renderer = CardRenderer(
        namespace or project.config.hub.namespace or LOCAL_NAMESPACE,
        target.files_url,
        project.config.project,
        project.templates_folder,
    )
    rendered = unchanged = 0
    for card in _cards(project, names or [], every):
        file, text = out / card.repo / "README.md", renderer.render(card)
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            unchanged += 1
        else:
            write_atomically(file, text)
            rendered += 1
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({"rendered": rendered, "unchanged": unchanged, "seconds": seconds})
    else:
        options.reporter(quiet, verbose).note(f"{rendered} rendered, {unchanged} unchanged, {out}")


@app.command("ls")
def list_cards(as_json: options.Json = False, verbose: options.Verbose = 0) -> None:
    """List the project's cards.

    Example:

      hubtools cards ls --json
    """
    from hubtools.config import find_project
    from hubtools.report import print_json

    project = find_project()
    found = list(_cards(project, [], True))
    if as_json:
        print_json({"cards": [{"repo": card.repo, "state": card.state} for card in found]})
        return
    for card in found:
        names = ", ".join(account.name or f"@{account.handle}" for account in card.accounts)
        typer.echo(f"{card.repo}  {card.state}  {names}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The card's name.")],
    as_json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Print a card as TOML.

    Example:

      hubtools cards show harbourlog
    """
    import msgspec

    from hubtools.cards.tomlfile import card_toml
    from hubtools.config import find_project
    from hubtools.report import print_json

    (card,) = _cards(find_project(), [name], False)
    if as_json:
        print_json(msgspec.to_builtins(card))
    else:
        typer.echo(card_toml(card), nl=False)


def _cards(project: Project, names: list[str], every: bool) -> list[Card]:
    from hubtools.cards.tomlfile import load_card
    from hubtools.errors import UsageError

    if not names and not every:
        raise UsageError("no card was named", fix="Give names, or --all")
    folder = project.cards_folder
    files = sorted(folder.glob("*.toml")) if every else [folder / f"{name}.toml" for name in names]
    return [load_card(file) for file in files]
