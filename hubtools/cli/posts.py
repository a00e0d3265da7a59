"""`hubtools posts`: what is in a source, and what training would see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli.options import Json, Quiet, Verbose, reporter
from hubtools.report import Reporter, print_json

if TYPE_CHECKING:
    from hubtools.training.corpus import Corpus

app = typer.Typer(no_args_is_help=True, help="Look at an account's posts before training.")

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="An archive from X (zip or folder), or a .jsonl, .json or .csv file; one an account.",
        show_default=False,
    ),
]


@app.command()
def stats(
    sources: Sources, as_json: Json = False, quiet: Quiet = False, verbose: Verbose = 0
) -> None:
    """The counts that the card will show, and why posts were dropped.

    Example:

      hubtools posts stats twitter-2024.zip
    """
    from hubtools.config import find_project
    from hubtools.publish import read_corpora

    report = reporter(quiet, verbose)
    corpora = read_corpora(sources, find_project(), report)
    if as_json:
        print_json({"accounts": [_as_json(corpus) for corpus in corpora]})
    else:
        _print_table(corpora)
    _note_amounts(corpora, report)


@app.command()
def export(
    sources: Sources,
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write; - for stdout."),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """What training would see, as JSON Lines of {"text", "account"}.

    Examples:

      hubtools posts export twitter-2024.zip -o kept.jsonl

      hubtools posts export posts.csv -o - | head
    """
    import json
    import sys
    from pathlib import Path

    from hubtools.config import find_project
    from hubtools.errors import UsageError
    from hubtools.files import write_atomically
    from hubtools.publish import read_corpora

    if as_json and out == "-":
        raise UsageError(
            "--json and the posts cannot both go to stdout", fix="Name a file with --out"
        )
    report = reporter(quiet, verbose)
    corpora = read_corpora(sources, find_project(), report)
    lines = [
        json.dumps({"text": post.text, "account": corpus.account.handle}, ensure_ascii=False) + "\n"
        for corpus in corpora
        for post in corpus.kept
    ]
    if out == "-":
        sys.stdout.buffer.write("".join(lines).encode())
        sys.stdout.buffer.flush()
        return
    write_atomically(Path(out), "".join(lines))
    if as_json:
        print_json({"file": out, "posts": len(lines)})
    else:
        report.note(f"Wrote {len(lines):,} posts to {out}")


def _note_amounts(corpora: Sequence[Corpus], report: Reporter) -> None:
    """Say whether training would warn or refuse; to look at the counts is allowed in any case."""
    from hubtools.errors import PolicyError
    from hubtools.training.corpus import check_enough

    for corpus in corpora:
        try:
            for warning in check_enough([corpus]):
                report.note(warning)
        except PolicyError as error:
            report.note(f"Training would refuse this: {error}")


def _as_json(corpus: Corpus) -> dict[str, Any]:
    counts = corpus.counts
    return {
        "handle": corpus.account.handle,
        "name": corpus.account.name,
        "network": corpus.account.network,
        "posts": {
            "downloaded": counts.downloaded,
            "reposts": counts.reposts,
            "short": counts.short,
            "kept": counts.kept,
        },
        "dropped": dict(corpus.dropped),
        "redacted": corpus.redacted,
        "characters": corpus.characters,
    }


def _print_table(corpora: Sequence[Corpus]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", box=None, pad_edge=False)
    for corpus in corpora:
        table.add_column(Text(_title(corpus)), justify="right")
    for label, values in _rows(corpora):
        table.add_row(Text(label), *(f"{value:,}" for value in values))
    Console().print(table)


def _title(corpus: Corpus) -> str:
    account = corpus.account
    return f"@{account.handle}" if account.handle else account.name or corpus.source


def _rows(corpora: Sequence[Corpus]) -> list[tuple[str, list[int]]]:
    reasons = sorted({reason for corpus in corpora for reason in corpus.dropped})
    return [
        ("Posts downloaded", [corpus.counts.downloaded for corpus in corpora]),
        ("Reposts", [corpus.counts.reposts for corpus in corpora]),
        ("Short", [corpus.counts.short for corpus in corpora]),
        *(
            (f"  {reason}", [corpus.dropped.get(reason, 0) for corpus in corpora])
            for reason in reasons
        ),
        ("Kept", [corpus.counts.kept for corpus in corpora]),
        ("Characters kept", [corpus.characters for corpus in corpora]),
        ("Redacted", [corpus.redacted for corpus in corpora]),
    ]
