"""The report of a sweep: a self-contained page, the trials as CSV, and the winner as a recipe."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from hubtools.core.files import write_atomically
from hubtools.core.html_templates import render_html
from hubtools.fleet.sweep import SweepResult
from hubtools.fleet.sweep_trials import SweepTrial
from hubtools.training.recipe import Recipe

_WIDTH, _HEIGHT, _MARGIN = 260, 150, 30
_MAX_TICKS = 4


def write_sweep(sweep: SweepResult, folder: Path) -> tuple[Path, Path, Path]:
    """Write report.html, trials.csv and recipe.toml into `folder`. Raises OutputError."""
    files = folder / "report.html", folder / "trials.csv", folder / "recipe.toml"
    write_atomically(files[0], sweep_page(sweep))
    write_atomically(files[1], trials_csv(sweep))
    write_atomically(files[2], recipe_toml(sweep.winner.recipe))
    return files


def recipe_toml(recipe: Recipe) -> str:
    """A recipe as the TOML that `--recipe` takes."""
    document: dict[str, Any] = msgspec.to_builtins(recipe)
    values = _without_none({**document, "name": None})
    # In TOML, plain values must precede the tables.
    return tomlkit.dumps(dict(sorted(values.items(), key=lambda item: isinstance(item[1], dict))))


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    present = {key: value for key, value in table.items() if value is not None}
    return {k: _without_none(v) if isinstance(v, dict) else v for k, v in present.items()}


def trials_csv(sweep: SweepResult) -> str:
    """All trials, with their bits per byte on each account."""
    names = list(sweep.trials[0].values)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", *names, "mean", "accounts", "seconds", *sweep.accounts])
    for trial in sweep.trials:
        writer.writerow(
            [
                trial.number,
                *(trial.values[name] for name in names),
                f"{trial.mean:.5f}",
                len(trial.bits_per_byte),
                trial.seconds,
                *(f"{bits:.5f}" for bits in trial.bits_per_byte),
            ]
        )
    return out.getvalue()


def sweep_page(sweep: SweepResult) -> str:
    """What was tried, what won, how certain that is, and the score of each account."""
    names, base = list(sweep.trials[0].values), Path(sweep.base)
    start, winner, error = sweep.start, sweep.winner, sweep.standard_error
    return render_html(
        "fleet",
        "sweep",
        sweep=sweep,
        base=base.resolve().name if base.is_dir() else sweep.base,  # no path of this machine
        chance=error is not None and abs(sweep.improvement) < 2 * error,
        recipe=recipe_toml(winner.recipe),
        accounts=[
            *zip(sweep.accounts, start.bits_per_byte, winner.bits_per_byte, strict=True),
            ("mean", start.mean, winner.mean),
        ],
        names=names,
        figures=[_figure(name, sweep.trials) for name in names],
    )


def _figure(name: str, trials: Sequence[SweepTrial]) -> dict[str, Any]:
    """The mean of each trial against one number of its recipe."""
    complete = max(len(trial.bits_per_byte) for trial in trials)
    values = sorted({trial.values[name] for trial in trials})
    means = [trial.mean for trial in trials]
    low, high = min(means), max(means)

    def x(value: float) -> float:
        share = values.index(value) / max(1, len(values) - 1)
        return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)

    def y(mean: float) -> float:
        share = (high - mean) / max(1e-9, high - low)
        return round(_MARGIN / 2 + share * (_HEIGHT - 1.5 * _MARGIN), 1)

    return {
        "name": name,
        "width": _WIDTH,
        "height": _HEIGHT,
        "dots": [
            {
                "x": x(trial.values[name]),
                "y": y(trial.mean),
                "complete": len(trial.bits_per_byte) == complete,
                "title": f"trial {trial.number}: {trial.mean:.4f}",
            }
            for trial in trials
        ],
        "x_ticks": [
            {"x": x(v), "text": f"{v:.4g}"} for v in values[:: -(-len(values) // _MAX_TICKS)]
        ],
        "y_ticks": [{"y": y(mean) + 3, "text": f"{mean:.2f}"} for mean in {low, high}],
    }
