"""`run.json` as a page shows it: what went in, what was set, what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubtools.core.run_record import read_record
from hubtools.localhub.types import Entry

_CHART_WIDTH, _CHART_HEIGHT = 600.0, 160.0
_MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class Section:
    """A headed list of names and values."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file of the record: whether the repository's file of that name has the same content."""

    name: str
    sha256: str
    state: str
    """`same`, `changed` or `absent`."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Losses as the points of an SVG polyline in a box of 600 × 160."""

    points: str
    first: float
    last: float
    lowest: float
    highest: float
    count: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the page shows; only `raw` is set for a record that is not ours or was edited."""

    raw: str | None
    sections: tuple[Section, ...] = ()
    losses: Curve | None = None
    files: tuple[FileCheck, ...] = ()


def run_page(data: bytes, entries: Mapping[str, Entry]) -> RunRecord:
    """The record in `data`, compared with the repository's files."""
    record = read_record(data)
    if not record:
        return RunRecord(raw=_pretty(data))
    run = _table(record.get("run"))
    settings = _table(record.get("settings"))
    found = (
        ("Training", run.get("training")),
        ("Evaluation", run.get("evaluation")),
        ("Recipe", settings.get("recipe")),
        ("Settings", {k: v for k, v in settings.items() if k != "recipe"}),
        ("Machine and versions", {**_plain(run), **_table(run.get("versions"))}),
    )
    sections = [Section(title, tuple(_flat(table))) for title, table in found]
    sources = record.get("sources")
    if isinstance(sources, list):
        sections = [*map(_source, map(_table, sources)), *sections]
    return RunRecord(
        raw=None,
        sections=tuple(section for section in sections if section.rows),
        losses=curve(run.get("train_losses")),
        files=tuple(_checks(_table(record.get("files")), entries)),
    )


def curve(losses: object) -> Curve | None:
    """The curve through at least two finite numbers; None for anything else."""
    if not isinstance(losses, list) or len(losses) < 2:
        return None
    values = [float(v) for v in losses if isinstance(v, int | float) and abs(v) < 1e9]
    if len(values) != len(losses):
        return None
    lowest, highest = min(values), max(values)
    spread = highest - lowest or 1.0
    every = max(1, len(values) // _MOST_POINTS)
    points = (
        f"{i / (len(values) - 1) * _CHART_WIDTH:.1f},"
        f"{(highest - value) / spread * _CHART_HEIGHT:.1f}"
        for i, value in enumerate(values)
        if i % every == 0 or i == len(values) - 1
    )
    return Curve(" ".join(points), values[0], values[-1], lowest, highest, len(values))


def _source(source: Mapping[str, Any]) -> Section:
    """An account whose posts went in, its counts without the word that stands before each."""
    rest = {key: value for key, value in source.items() if key not in ("name", "posts", "sha256")}
    digest = source.get("sha256")
    rows = [*_flat(rest), *_flat(source.get("posts"))]
    if isinstance(digest, str):
        rows.append(("Digest", f"{digest[:12]}…"))
    name = source.get("name") or source.get("handle") or source.get("network") or "posts"
    return Section(f"Source: {name}", tuple(rows))


def _checks(files: Mapping[str, Any], entries: Mapping[str, Entry]) -> Iterator[FileCheck]:
    for name, digest in files.items():
        entry = entries.get(name)
        if entry is None:
            yield FileCheck(name, str(digest), "absent")
        else:
            yield FileCheck(name, str(digest), "same" if entry.sha256 == digest else "changed")


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if not isinstance(value, dict | list)}


def _flat(table: object, before: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a table, those of tables in it after its own name."""
    for key, value in _table(table).items():
        name = f"{before}{key.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}: ")
        elif value is not None:
            shown = str(value) if key == "seed" else _shown(value)
            yield name[:1].upper() + name[1:], shown


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _pretty(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
