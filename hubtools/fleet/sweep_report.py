"""The report of a search: a page that needs nothing else, a table as CSV, the winner as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from hubtools.core.files import write_atomically
from hubtools.fleet.page import document
from hubtools.fleet.sweep import Scored, Sweep, Trial
from hubtools.training.recipe import Recipe

PAGE, TABLE, RECIPE = "report.html", "trials.csv", "recipe.toml"
_WIDTH, _HEIGHT, _MARGIN = 260, 150, 30
_TICKS = 4  # labels that have room below a figure


def write_report(sweep: Sweep, folder: Path) -> tuple[Path, Path, Path]:
    """Write the three files into `folder`. Raises OutputError."""
    files = folder / PAGE, folder / TABLE, folder / RECIPE
    write_atomically(files[0], page(sweep))
    write_atomically(files[1], table(sweep))
    write_atomically(files[2], recipe_text(sweep.winner.recipe))
    return files


def recipe_text(recipe: Recipe) -> str:
    """A recipe as the TOML that --recipe takes."""
    plain: dict[str, Any] = msgspec.to_builtins(recipe)
    said = {key: value for key, value in plain.items() if value is not None and key != "name"}
    return tomlkit.dumps({k: v for k, v in said.items() if not isinstance(v, dict)}) + "".join(
        f"\n[{name}]\n{tomlkit.dumps(value)}"
        for name, value in said.items()
        if isinstance(value, dict)
    )


def table(sweep: Sweep) -> str:
    """All trials, with what each reached on each account."""
    names = list(sweep.trials[0].values)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", *names, "mean", "accounts", "seconds", *sweep.accounts])
    for trial in sweep.trials:
        numbers = [trial.values[name] for name in names]
        mean = f"{trial.mean:.5f}"
        writer.writerow(
            [trial.number, *numbers, mean, len(trial.bits_per_byte), trial.seconds]
            + [f"{bits:.5f}" for bits in trial.bits_per_byte]
        )
    return out.getvalue()


def page(sweep: Sweep) -> str:
    """What was tried, what won, how sure that is, and how each account fares."""
    how = "one account only: no error can be given"
    if sweep.error is not None:
        how = f"standard error {sweep.error:.4f}"
    sure = ""
    if sweep.error is not None and abs(sweep.gain) < 2 * sweep.error:
        sure = " That is less than two standard errors: it may be chance."
    body = [
        f"<h1>A recipe for {escape(_public(sweep.base))}</h1>",
        f"<p>{len(sweep.trials)} recipes were tried on {len(sweep.accounts)} accounts in "
        f"{sweep.seconds:.0f} s. The search looked at posts kept aside from training. On held-out "
        f"posts, which it did not see, the winner needs {sweep.gain:.4f} bits a byte less than the "
        f"recipe it began from ({how}); it is better for {sweep.better} of "
        f"{len(sweep.accounts)} accounts.{sure}</p>",
        "<h2>What won</h2>",
        f"<pre>{escape(recipe_text(sweep.winner.recipe))}</pre>",
        "<h2>Each account</h2>",
        _accounts(sweep),
        "<h2>What was tried</h2>",
        "<p>Bits a byte of posts kept aside, mean over the accounts that a trial got to. "
        "Hollow dots were given up early: their mean is over fewer accounts.</p>",
        *(_figure(name, sweep.trials) for name in sweep.trials[0].values),
        _trials(sweep.trials),
    ]
    return document("Recipe search", body)


def _public(base: str) -> str:
    """A base as others may read it: of a folder only its last part."""
    return Path(base).resolve().name if Path(base).is_dir() else base


def _accounts(sweep: Sweep) -> str:
    def row(name: str, start: float, winner: float) -> str:
        return (
            f"<tr><td>{escape(name)}</td><td>{start:.4f}</td><td>{winner:.4f}</td>"
            f"<td>{start - winner:+.4f}</td></tr>"
        )

    rows = map(row, sweep.accounts, sweep.start.bits_per_byte, sweep.winner.bits_per_byte)
    mean = row("mean", _mean(sweep.start), _mean(sweep.winner))
    head = "<tr><th>account</th><th>start</th><th>winner</th><th>saved</th></tr>"
    return f'<div class="wide"><table>{head}{"".join(rows)}{mean}</table></div>'


def _mean(scored: Scored) -> float:
    return sum(scored.bits_per_byte) / len(scored.bits_per_byte)


def _trials(trials: Sequence[Trial]) -> str:
    names = list(trials[0].values)
    head = "".join(f"<th>{escape(name)}</th>" for name in ("trial", *names, "mean", "accounts"))
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{value}</td>"
            for value in (
                trial.number,
                *(f"{trial.values[name]:g}" for name in names),
                f"{trial.mean:.4f}",
                len(trial.bits_per_byte),
            )
        )
        + "</tr>"
        for trial in trials
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _figure(name: str, trials: Sequence[Trial]) -> str:
    """The mean against one number, each trial a dot: full where it got to all accounts."""
    most = max(len(trial.bits_per_byte) for trial in trials)
    values = sorted({trial.values[name] for trial in trials})
    means = [trial.mean for trial in trials]
    low, high = min(means), max(means)

    def across(value: float) -> float:
        place = values.index(value) / max(1, len(values) - 1)
        return _MARGIN + place * (_WIDTH - 2 * _MARGIN)

    def down(mean: float) -> float:
        return _MARGIN / 2 + (high - mean) / max(1e-9, high - low) * (_HEIGHT - 1.5 * _MARGIN)

    dots = "".join(
        f'<circle cx="{across(t.values[name]):.1f}" cy="{down(t.mean):.1f}" r="3.5" '
        f'stroke="#0a6b6f" fill="{"#0a6b6f" if len(t.bits_per_byte) == most else "none"}">'
        f"<title>trial {t.number}: {t.mean:.4f}</title></circle>"
        for t in trials
    )
    ticks = "".join(
        f'<text x="{across(v):.1f}" y="{_HEIGHT - 8}" font-size="10" text-anchor="middle">{v:.4g}'
        "</text>"
        for v in values[:: -(-len(values) // _TICKS)]
    )
    ends = "".join(
        f'<text x="0" y="{down(mean) + 3:.1f}" font-size="10">{mean:.2f}</text>'
        for mean in {low, high}
    )
    label = escape(f"bits a byte against {name}")
    return (
        f'<figure><svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{label}">'
        f"{dots}{ticks}{ends}</svg><figcaption>{escape(name)}</figcaption></figure>"
    )
