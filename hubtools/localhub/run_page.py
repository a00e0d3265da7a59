"""`run.json` as a page shows it: sources, settings, metrics and loss curves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
class Section:
    """A list of names and values under a heading."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file of the record, and whether the repository still has it as it was."""

    name: str
    sha256: str
    state: str
    """`same`, `changed` or `absent`."""


@dataclass(frozen=True, slots=True)
class LossChart:
    """Losses over steps, as points of SVG polylines in a box of 600 × 160."""

    train: str
    val: str
    """Empty where nothing was validated."""
    first: float
    last: float
    lowest: float
    highest: float
    steps: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the page shows; only `raw` is set for a record that is not ours or was edited."""

    raw: str | None
    sections: tuple[Section, ...] = ()
    chart: LossChart | None = None
    files: tuple[FileCheck, ...] = ()


def summarize_run(data: bytes, entries: Mapping[str, Entry]) -> RunSummary:
    """The record in `data`, compared with the repository's files."""
    record = read_record(data)
    if not record:
        return RunSummary(raw=_pretty(data))
    run = _table(record.get("run"))
    settings = _table(record.get("settings"))
    tables = (
        ("Training", run.get("training")),
        ("Evaluation", run.get("evaluation")),
        ("Baselines, bits per byte", run.get("baselines")),
        ("Recipe", settings.get("recipe")),
        ("Settings", {k: v for k, v in settings.items() if k != "recipe"}),
        ("Environment", {**_scalars(run), **_table(run.get("versions"))}),
    )
    sections = [Section(title, tuple(_rows(table))) for title, table in tables]
    sources = record.get("sources")
    if isinstance(sources, list):
        sections = [*map(_source, map(_table, sources)), *sections]
    return RunSummary(
        raw=None,
        sections=tuple(section for section in sections if section.rows),
        chart=loss_chart(run.get("history") or _by_epoch(run.get("train_losses"))),
        files=tuple(_file_checks(_table(record.get("files")), entries)),
    )


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
    """The steps and values of a key, where both are finite numbers."""
    pairs = [(_finite(point.get("step")), _finite(point.get(key))) for point in points]
    return [(step, loss) for step, loss in pairs if step is not None and loss is not None]


def _finite(value: object) -> float | None:
    """The number; None for anything else, and for one that no chart can show."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e9 else None


def _by_epoch(losses: object) -> list[dict[str, Any]]:
    """A history of one point per epoch, for a record that has only their losses."""
    values = losses if isinstance(losses, list) else []
    return [{"step": epoch, "train_loss": loss} for epoch, loss in enumerate(values, 1)]


def _source(source: Mapping[str, Any]) -> Section:
    """An account whose posts were used, and their counts."""
    rest = {key: value for key, value in source.items() if key not in ("name", "posts", "sha256")}
    digest = source.get("sha256")
    rows = [*_rows(rest), *_rows(source.get("posts"))]
    if isinstance(digest, str):
        rows.append(("SHA-256", f"{digest[:12]}…"))
    name = source.get("name") or source.get("handle") or source.get("network") or "posts"
    return Section(f"Source: {name}", tuple(rows))


def _file_checks(files: Mapping[str, Any], entries: Mapping[str, Entry]) -> Iterator[FileCheck]:
    for name, digest in files.items():
        entry = entries.get(name)
        state = "absent" if entry is None else "same" if entry.sha256 == digest else "changed"
        yield FileCheck(name, str(digest), state)


def _scalars(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if not isinstance(value, dict | list)}


def _rows(table: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a table; those of a table in it after its name."""
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
