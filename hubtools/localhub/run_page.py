"""`run.json` as a page shows it: sources, settings, metrics and loss curves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from hubtools.core.run_record import read_record
from hubtools.localhub.types import Entry

_CHART_WIDTH, _CHART_HEIGHT = 600.0, 160.0
_MAX_POINTS = 600
_LABELS = {
    "base_bits_per_byte": "Bits per byte, base model",
    "base_loss": "Test loss, base model",
    "distinct_2": "Distinct bigrams",
    "lora_rank": "LoRA rank",
    "memorized_baseline": "Memorized, human baseline",
    "memorized_fraction": "Memorized",
    "ngram_bits_per_byte": "Bits per byte, 5-gram model",
    "tracker_url": "Tracker",
    "train_loss": "Training loss",
    "val_fraction": "Validation fraction",
    "val_loss": "Validation loss",
    "val_posts": "Validation posts",
}


@dataclass(frozen=True, slots=True)
class LossChart:
    """Losses over steps, as points of SVG polylines in a box of 600 × 160."""

    train: str
    val: str
    first: float
    last: float
    lowest: float
    highest: float
    steps: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the page shows; only `raw` is set for a record that is not ours or was edited.

    `sections` have titles, and names and values. `files` are those of the record, their SHA-256,
    and whether the repository has them: `unchanged`, `changed` or `missing`.
    """

    raw: str | None
    sections: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    chart: LossChart | None = None
    files: Sequence[tuple[str, str, str]] = ()


def summarize_run(data: bytes, entries: Mapping[str, Entry]) -> RunSummary:
    """The record in `data`, compared with the repository's files."""
    record = read_record(data)
    if not record:
        return RunSummary(raw=_pretty(data))
    run, settings = _table(record.get("run")), _table(record.get("settings"))
    sources = record.get("sources")
    scalars = {key: value for key, value in run.items() if not isinstance(value, dict | list)}
    tables = {
        "Training": run.get("training"),
        "Evaluation": run.get("evaluation"),
        "Baselines, bits per byte": run.get("baselines"),
        "Recipe": settings.get("recipe"),
        "Settings": {key: value for key, value in settings.items() if key != "recipe"},
        "Environment": {**scalars, **_table(run.get("versions"))},
    }
    sections = [_source(_table(one)) for one in (sources if isinstance(sources, list) else ())]
    sections += [(title, list(_rows(table))) for title, table in tables.items()]
    files = _table(record.get("files")).items()
    return RunSummary(
        raw=None,
        sections=[section for section in sections if section[1]],
        chart=loss_chart(run.get("history") or _by_epoch(run.get("train_losses"))),
        files=[(name, str(digest), _state(entries.get(name), digest)) for name, digest in files],
    )


def _state(entry: Entry | None, digest: object) -> str:
    if entry is None:
        return "missing"
    return "unchanged" if entry.sha256 == digest else "changed"


def loss_chart(history: object) -> LossChart | None:
    """The curves of a history's training and validation losses; None for fewer than two points."""
    points = list(map(_table, history)) if isinstance(history, list) else []
    train, val = _series(points, "train_loss"), _series(points, "val_loss")
    if len(train) < 2:
        return None
    losses = [loss for _, loss in (*train, *val)]
    lowest, highest = min(losses), max(losses)
    steps = [step for step, _ in (*train, *val)]
    start, end = min(steps), max(steps)

    def polyline(series: Sequence[tuple[float, float]]) -> str:
        every = max(1, len(series) // _MAX_POINTS)
        return " ".join(
            f"{(step - start) / (end - start or 1) * _CHART_WIDTH:.1f},"
            f"{(highest - loss) / (highest - lowest or 1) * _CHART_HEIGHT:.1f}"
            for i, (step, loss) in enumerate(series)
            if i % every == 0 or i == len(series) - 1
        )

    return LossChart(
        train=polyline(train),
        val=polyline(val),
        first=train[0][1],
        last=train[-1][1],
        lowest=lowest,
        highest=highest,
        steps=int(end),
    )


def _series(points: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """The steps and values of a key, where a chart can show both numbers."""
    pairs = [(point.get("step"), point.get(key)) for point in points]
    return [(x, y) for x, y in pairs if _is_finite(x) and _is_finite(y)]


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and abs(value) < 1e9


def _by_epoch(losses: object) -> list[dict[str, Any]]:
    """A history of one point per epoch, for a record that has only their losses."""
    values = losses if isinstance(losses, list) else []
    return [{"step": epoch, "train_loss": loss} for epoch, loss in enumerate(values, 1)]


def _source(source: Mapping[str, Any]) -> tuple[str, Sequence[tuple[str, str]]]:
    rest = {key: value for key, value in source.items() if key not in ("name", "posts", "sha256")}
    rows = [*_rows(rest), *_rows(source.get("posts"))]
    digest = source.get("sha256")
    if isinstance(digest, str):
        rows.append(("SHA-256", f"{digest[:12]}…"))
    name = source.get("name") or source.get("handle") or source.get("network") or "posts"
    return f"Source: {name}", rows


def _rows(table: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in _table(table).items():
        name = _LABELS.get(key) or key.replace("_", " ")
        if isinstance(value, dict):
            yield from _rows(value, f"{prefix}{name}: ")
        elif value is not None:
            label = f"{prefix}{name}"
            yield label[:1].upper() + label[1:], str(value) if key == "seed" else _format(value)


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_format, value))
    return str(value)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _pretty(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
