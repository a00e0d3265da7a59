"""A fleet as a page: how its models score, which stand out, and what failed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from hubtools.core.files import write_atomically
from hubtools.fleet.journal import Place

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #14233a; background: #fffdf8 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .8rem; border-bottom: 1px solid #d9d0be; text-align: right }
td:first-child, th:first-child, .said td { text-align: left }
.wide { overflow-x: auto } svg { max-width: 100% }
figure { display: inline-block; margin: 0 1rem 1rem 0 }
figcaption { font-size: .9rem; color: #5c6679 }
"""
_BINS = 24
_WIDTH, _HEIGHT = 720, 180
_FAR = 3.0  # robust standard deviations from the median, beyond which a model stands out
_SHOWN = 50


def write_page(place: Place, state: Mapping[str, Any], scores: Mapping[str, float]) -> None:
    """Replace the page beside the state; a run does not fail for want of it."""
    with suppress(Exception):
        write_atomically(place.page, page(state, scores))


def write_summary(file: Path, document: Mapping[str, Any]) -> None:
    """Leave the summary where the local Hub shows it; a run does not fail for want of it."""
    with suppress(Exception):
        write_atomically(file, json.dumps(document, ensure_ascii=False))


def page(state: Mapping[str, Any], scores: Mapping[str, float]) -> str:
    """The page of a fleet in `state`, whose models have these bits a byte."""
    done = state["there"] + (state["made"] if state["to"] is None else state["published"])
    body = [
        f"<h1>{escape(state['manifest'])}</h1>",
        f"<p>{done:,} of {state['total']:,} models are done, {state['failed']:,} failed.</p>",
    ]
    if scores:
        body += ["<h2>Bits a byte on held-out posts</h2>", histogram(list(scores.values()))]
        body += [_outliers(scores)]
    if state["failures"]:
        rows = "".join(
            f"<tr><td>{escape(one['name'])}</td><td>{escape(one['where'])}</td>"
            f"<td>{escape(one['error'])}</td></tr>"
            for one in state["failures"]
        )
        body += [
            "<h2>What failed</h2>",
            f'<div class="wide"><table class="said">{rows}</table></div>',
        ]
    return document(str(state["manifest"]), body)


def document(title: str, body: Sequence[str]) -> str:
    """A page that needs no other file."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'


def summary(
    state: Mapping[str, Any], scores: Mapping[str, float], namespace: str
) -> dict[str, Any]:
    """A fleet that has ended, as the local Hub reads it."""
    done = state["there"] + state["published"]
    far = list(outliers(scores).items())[:_SHOWN]
    values = list(scores.values())
    low, width, counts = bins(values) if values else (0.0, 0.0, [])
    return {
        **{key: state[key] for key in ("manifest", "shard", "end", "updated", "total", "failed")},
        "namespace": namespace,
        "done": done,
        "scored": len(values),
        "median": statistics.median(values) if values else None,
        "bins": [
            {"low": low + n * width, "high": low + (n + 1) * width, "count": count}
            for n, count in enumerate(counts)
        ],
        "outliers": [{"name": name, "bits_per_byte": score} for name, score in far],
        "failures": [
            {key: one[key] for key in ("name", "where", "error")} for one in state["failures"]
        ],
    }


def outliers(scores: Mapping[str, float]) -> dict[str, float]:
    """Models far from the median, by the median of the distances from it; farthest first."""
    if not scores:
        return {}
    middle = statistics.median(scores.values())
    spread = 1.4826 * statistics.median(abs(score - middle) for score in scores.values())
    far = {n: s for n, s in scores.items() if spread and abs(s - middle) > _FAR * spread}
    return dict(sorted(far.items(), key=lambda item: -abs(item[1] - middle)))


def bins(values: Sequence[float]) -> tuple[float, float, list[int]]:
    """The least value, the width of a bin, and how many values lie in each bin."""
    low, high = min(values), max(values)
    width = (high - low) / _BINS
    if not width:
        return low, 0.0, [len(values)]
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    return low, width, counts


def histogram(values: Sequence[float]) -> str:
    """How many models have which score."""
    low, high = min(values), max(values)
    _, width, counts = bins(values)
    each = _WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{n * each:.1f}" y="{_HEIGHT * (1 - count / max(counts)):.1f}" '
        f'width="{each - 2:.1f}" height="{_HEIGHT * count / max(counts):.1f}" fill="#0a6b6f">'
        f"<title>{low + n * width:.3f} to {low + (n + 1) * width:.3f}: {count}</title></rect>"
        for n, count in enumerate(counts)
    )
    middle = statistics.median(values)
    says = f"{len(values):,} models from {low:.3f} to {high:.3f}, the middle one {middle:.3f}"
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" '
        f'aria-label="{says}">{bars}</svg><figcaption>{says}</figcaption></figure>'
    )


def _outliers(scores: Mapping[str, float]) -> str:
    far = list(outliers(scores).items())[:_SHOWN]
    if not far:
        return "<p>No model stands out.</p>"
    rows = "".join(f"<tr><td>{escape(n)}</td><td>{score:.3f}</td></tr>" for n, score in far)
    return f"<h2>What stands out</h2><table>{rows}</table>"
