"""`hubtools posts`: what is in a source, and what training would see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubtools.cli.options import (
    DEFAULT_CLEANING,
    Cleaning,
    Json,
    Language,
    Quiet,
    Sources,
    TextColumn,
    Unlisted,
    Verbose,
    reporter,
)
from hubtools.cli.posts_forget import forget
from hubtools.cli.terminal import print_json
from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter

if TYPE_CHECKING:
    from hubtools.corpus.corpus import Corpus

_SHOWN = 300

app = typer.Typer(no_args_is_help=True, help="Look at an account's posts before training.")


@app.command()
def stats(
    sources: Sources,
    cleaning: Cleaning = DEFAULT_CLEANING,
    lang: Language = None,
    text_column: TextColumn = None,
    unlisted: Unlisted = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """The counts that the card will show, and why posts were dropped.

    With -v a few posts of each reason follow, and of what cleaning changed in those kept.

    Examples:

      hubtools posts stats twitter-2024.zip

      hubtools posts stats twitter-2024.zip --cleaning huggingtweets -v
    """
    from hubtools.core.config import find_project
    from hubtools.posts.options import ReadOptions
    from hubtools.services.read import ReadRequest, read

    report = reporter(quiet, verbose)
    request = ReadRequest(
        project=find_project(),
        sources=sources,
        options=ReadOptions(text_column=text_column, unlisted=unlisted),
        cleaning=cleaning,
        language=lang,
    )
    corpora = read(request, report, CancelToken()).corpora
    if as_json:
        accounts = [_as_json(corpus) for corpus in corpora]
        if verbose:
            for account, corpus in zip(accounts, corpora, strict=True):
                account["examples"] = _examples(corpus)
        print_json({"accounts": accounts})
    else:
        _print_table(corpora)
        if verbose:
            _print_examples(corpora)
    _note_amounts(corpora, report)


@app.command()
def export(
    sources: Sources,
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write; - for stdout."),
    ],
    cleaning: Cleaning = DEFAULT_CLEANING,
    lang: Language = None,
    text_column: TextColumn = None,
    unlisted: Unlisted = False,
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

    from hubtools.core.config import find_project
    from hubtools.core.errors import UsageError
    from hubtools.core.files import write_atomically
    from hubtools.posts.options import ReadOptions
    from hubtools.services.read import ReadRequest, read

    if as_json and out == "-":
        raise UsageError(
            "--json and the posts cannot both go to stdout", fix="Name a file with --out"
        )
    report = reporter(quiet, verbose)
    request = ReadRequest(
        project=find_project(),
        sources=sources,
        options=ReadOptions(text_column=text_column, unlisted=unlisted),
        cleaning=cleaning,
        language=lang,
    )
    corpora = read(request, report, CancelToken()).corpora
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
    from hubtools.core.errors import PolicyError
    from hubtools.corpus.corpus import check_enough

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
            "dropped": counts.dropped,
            "kept": counts.kept,
        },
        "reasons": dict(corpus.reasons),
        "redacted": corpus.redacted,
        "characters": corpus.characters,
    }


def _examples(corpus: Corpus) -> dict[str, list[dict[str, str]]]:
    return {
        name: [{"before": example.before, "after": example.after} for example in found]
        for name, found in corpus.examples.items()
    }


def _print_examples(corpora: Sequence[Corpus]) -> None:
    """A few posts of each reason and each change; line breaks are shown as in JSON."""
    for corpus in corpora:
        typer.echo(f"\n{_title(corpus)}")
        for title, counts in (("Dropped", corpus.reasons), ("Changed", corpus.changed)):
            for name, count in counts.items():
                typer.echo(f"\n{title}: {name} ({count:,})")
                for example in corpus.examples.get(name, ()):
                    typer.echo(f"  {_on_a_line(example.before)}")
                    if example.after and example.after != example.before:
                        typer.echo(f"    -> {_on_a_line(example.after)}")


def _on_a_line(text: str) -> str:
    """At most 300 characters, without any that could move a terminal's cursor."""
    import json

    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    line = json.dumps(shown, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)


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
    reasons = sorted({reason for corpus in corpora for reason in corpus.reasons})
    return [
        ("Posts downloaded", [corpus.counts.downloaded for corpus in corpora]),
        ("Reposts", [corpus.counts.reposts for corpus in corpora]),
        ("Short", [corpus.counts.dropped for corpus in corpora]),
        *(
            (f"  {reason}", [corpus.reasons.get(reason, 0) for corpus in corpora])
            for reason in reasons
        ),
        ("Kept", [corpus.counts.kept for corpus in corpora]),
        ("Characters kept", [corpus.characters for corpus in corpora]),
        ("Redacted", [corpus.redacted for corpus in corpora]),
    ]


app.command("forget")(forget)
