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
    return render_html("fleet", "page", **fleet_summary(state, scores, ""))


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
        "done": state.done,
        "scored": len(values),
        "median": statistics.median(values) if values else None,
        "bins": _bins(values),
        "outliers": [{"name": name, "bits_per_byte": score} for name, score in far],
        "failures": state.failures,
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


def _bins(values: Sequence[float]) -> list[dict[str, float]]:
    """A histogram; one bin where all values are equal."""
    if not values:
        return []
    low, high = min(values), max(values)
    width = (high - low) / _BINS
    if not width:
        return [{"low": low, "high": low, "count": len(values)}]
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    return [
        {"low": low + n * width, "high": low + (n + 1) * width, "count": count}
        for n, count in enumerate(counts)
    ]
