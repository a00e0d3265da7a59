"""`hubtools posts stats` and `hubtools posts export`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.errors import PolicyError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.corpus.corpus import Corpus, check_enough
from hubtools.services.read import ReadRequest, read

_EXAMPLE_CHARACTERS = 300


def stats(
    *,
    sources: options.Sources,
    reading: options.ReadingOptions,
    output: options.OutputOptions,
) -> None:
    """Count an account's posts and why some are dropped.

    These are the counts that a card shows. With -v, a few examples of each reason and of what
    cleaning changed follow.

    Examples:
      hubtools posts stats twitter-2024.zip
      hubtools posts stats twitter-2024.zip --cleaning huggingtweets -v
    """
    request = _request(sources, reading)
    with output.running() as (reporter, cancel):
        corpora = read(request, reporter, cancel).corpora
    if output.json:
        print_json(
            {"accounts": [_document(corpus, examples=output.verbose > 0) for corpus in corpora]}
        )
    else:
        _print_table(corpora)
        if output.verbose:
            _print_examples(corpora)
    _note_amounts(corpora, reporter)


def export(
    *,
    sources: options.Sources,
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write; - is stdout."),
    ],
    reading: options.ReadingOptions,
    output: options.OutputOptions,
) -> None:
    """Write the posts that training would use as JSON Lines.

    Each line is {"text": …, "account": …}.

    Examples:
      hubtools posts export twitter-2024.zip -o kept.jsonl
      hubtools posts export posts.csv -o - | head
    """
    if output.json and out == "-":
        raise UsageError("--json and the posts both go to stdout", fix="Name a file with --out")
    request = _request(sources, reading)
    with output.running() as (reporter, cancel):
        corpora = read(request, reporter, cancel).corpora
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
    if output.json:
        print_json({"file": out, "posts": len(lines)})
    else:
        reporter.note(f"Wrote {len(lines):,} posts to {out}")


def _request(sources: Sequence[str], reading: options.ReadingOptions) -> ReadRequest:
    return ReadRequest(
        project=find_project(),
        sources=tuple(sources),
        options=reading.read_options,
        cleaning=reading.cleaning,
        language=reading.lang,
    )


def _note_amounts(corpora: Sequence[Corpus], reporter: Reporter) -> None:
    """Say whether training would warn or refuse; counting is always allowed."""
    for corpus in corpora:
        try:
            for warning in check_enough([corpus]):
                reporter.warn("few_posts", warning)
        except PolicyError as error:
            reporter.warn("few_posts", f"Training would refuse these posts. {error}")


def _document(corpus: Corpus, *, examples: bool) -> dict[str, Any]:
    counts = corpus.counts
    document: dict[str, Any] = {
        "handle": corpus.account.handle,
        "name": corpus.account.name,
        "network": corpus.account.network,
        "posts": {
            "downloaded": counts.downloaded,
            "reposts": counts.reposts,
            "dropped": counts.dropped,
            "kept": counts.kept,
        },
        "reasons": dict(corpus.reasons),
        "redacted": corpus.redacted,
        "characters": corpus.characters,
    }
    if examples:
        document["examples"] = {
            reason: [{"before": example.before, "after": example.after} for example in found]
            for reason, found in corpus.examples.items()
        }
    return document


def _print_examples(corpora: Sequence[Corpus]) -> None:
    for corpus in corpora:
        typer.echo(f"\n{_title(corpus)}")
        for title, counts in (("Dropped", corpus.reasons), ("Changed", corpus.changed)):
            for reason, count in counts.items():
                typer.echo(f"\n{title}: {reason} ({count:,})")
                for example in corpus.examples.get(reason, ()):
                    typer.echo(f"  {_quoted(example.before)}")
                    if example.after and example.after != example.before:
                        typer.echo(f"    -> {_quoted(example.after)}")


def _quoted(text: str) -> str:
    """The start of a post on one line, escaped as in JSON, so that no terminal obeys it."""
    start = text[:_EXAMPLE_CHARACTERS] + ("…" if len(text) > _EXAMPLE_CHARACTERS else "")
    line = json.dumps(start, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)


def _print_table(corpora: Sequence[Corpus]) -> None:
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
    reasons = sorted({reason for corpus in corpora for reason in corpus.reasons})
    return [
        ("Downloaded", [corpus.counts.downloaded for corpus in corpora]),
        ("Reposts", [corpus.counts.reposts for corpus in corpora]),
        ("Dropped", [corpus.counts.dropped for corpus in corpora]),
        *(
            (f"  {reason}", [corpus.reasons.get(reason, 0) for corpus in corpora])
            for reason in reasons
        ),
        ("Kept", [corpus.counts.kept for corpus in corpora]),
        ("Characters kept", [corpus.characters for corpus in corpora]),
        ("Redacted", [corpus.redacted for corpus in corpora]),
    ]
