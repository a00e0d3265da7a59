"""A fleet as a page, and as the summary that the local Hub shows: scores, outliers, failures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.files import write_atomically
from hubtools.core.html_templates import render_html
from hubtools.fleet.state import FleetState

_BINS = 24
_WIDTH, _HEIGHT = 720, 180
_OUTLIER = 3.0  # robust standard deviations from the median
_MAX_OUTLIERS = 50


def write_page(file: Path, state: FleetState, scores: Mapping[str, float]) -> None:
    """Replace the page beside the state; a run does not fail for lack of it."""
    with suppress(Exception):
        write_atomically(file, fleet_page(state, scores))


def write_summary(file: Path, summary: Mapping[str, Any]) -> None:
    """Put the summary where the local Hub shows it; a run does not fail for lack of it."""
    with suppress(Exception):
        write_atomically(file, msgspec.json.encode(summary))


def fleet_page(state: FleetState, scores: Mapping[str, float]) -> str:
    """The page of a fleet whose models have these bits per byte."""
    return render_html(
        "fleet",
        "page",
        state=state,
        chart=_histogram(list(scores.values())) if scores else None,
        outliers=list(outliers(scores).items())[:_MAX_OUTLIERS],
    )


def fleet_summary(state: FleetState, scores: Mapping[str, float], namespace: str) -> dict[str, Any]:
    """A fleet that has ended, as the local Hub reads it."""
    far = list(outliers(scores).items())[:_MAX_OUTLIERS]
    values = list(scores.values())
    return {
        "manifest": state.manifest,
        "shard": state.shard,
        "end": state.end,
        "updated": state.updated,
        "total": state.total,
        "failed": state.failed,
        "namespace": namespace,
        "done": state.already_done + state.published,
        "scored": len(values),
        "median": statistics.median(values) if values else None,
        "bins": [{"low": low, "high": high, "count": count} for low, high, count in _bins(values)],
        "outliers": [{"name": name, "bits_per_byte": score} for name, score in far],
        "failures": [
            {"name": one.name, "where": one.where, "error": one.error} for one in state.failures
        ],
    }


def outliers(scores: Mapping[str, float]) -> dict[str, float]:
    """Models more than three robust standard deviations from the median, the farthest first.

    The deviation is 1.4826 times the median distance from the median (MAD), which equals the
    standard deviation where scores are normally distributed.
    """
    if not scores:
        return {}
    median = statistics.median(scores.values())
    deviation = 1.4826 * statistics.median(abs(score - median) for score in scores.values())
    limit = _OUTLIER * deviation
    far = {name: s for name, s in scores.items() if deviation and abs(s - median) > limit}
    return dict(sorted(far.items(), key=lambda item: -abs(item[1] - median)))


def _bins(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """Low, high and the number of values of each bin; one bin where all values are equal."""
    if not values:
        return []
    low, high = min(values), max(values)
    width = (high - low) / _BINS
    if not width:
        return [(low, low, len(values))]
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    return [(low + n * width, low + (n + 1) * width, count) for n, count in enumerate(counts)]


def _histogram(values: Sequence[float]) -> dict[str, Any]:
    """How many models have which score, as bars."""
    bins = _bins(values)
    each, most = _WIDTH / len(bins), max(count for _, _, count in bins)
    models = "1 model" if len(values) == 1 else f"{len(values):,} models"
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "caption": f"{models} from {min(values):.3f} to {max(values):.3f}, "
        f"median {statistics.median(values):.3f}",
        "bars": [
            {
                "x": round(number * each, 1),
                "y": round(_HEIGHT * (1 - count / most), 1),
                "width": round(each - 2, 1),
                "height": round(_HEIGHT * count / most, 1),
                "title": f"{low:.3f} to {high:.3f}: {count}",
            }
            for number, (low, high, count) in enumerate(bins)
        ],
    }
