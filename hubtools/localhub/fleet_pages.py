"""Pages about the fleets that were published here, made of the summaries of `hubtools fleet run`.

A summary is a JSON file in the Hub's folder `fleets`. It names what failed and why, so only the
Hub's user sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hubtools.localhub.errors import RepoNotFoundError
from hubtools.localhub.rendering import WebPage
from hubtools.localhub.types import RepoId

FOLDER = "fleets"
_WIDTH, _HEIGHT = 600.0, 160.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBin:
    """Models whose score is from `low` to `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """A model and its bits per byte on the test posts."""

    name: str
    bits_per_byte: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A row of the manifest that failed, and why."""

    name: str
    where: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSummary:
    """A run of a fleet when it ended."""

    manifest: str
    shard: str
    namespace: str
    end: str
    updated: float
    """Seconds since 1970."""
    total: int
    done: int
    failed: int
    scored: int
    median: float | None
    bins: tuple[ScoreBin, ...]
    outliers: tuple[ModelScore, ...]
    failures: tuple[FailedRow, ...]

    @property
    def time(self) -> str:
        """When it ended, in ISO 8601."""
        return datetime.fromtimestamp(self.updated, UTC).isoformat()


def fleets_page(root: Path) -> WebPage:
    """All fleets of the Hub in `root`, the latest first."""
    found = [(file.stem, fleet) for file in _files(root) if (fleet := _read(file)) is not None]
    found.sort(key=lambda pair: -pair[1].updated)
    return WebPage("fleets.html.j2", {"fleets": found})


def fleet_page(root: Path, name: str) -> WebPage:
    """One fleet. Raises RepoNotFoundError when there is none of that name."""
    file = next((file for file in _files(root) if file.stem == name), None)
    fleet = _read(file) if file is not None else None
    if fleet is None:
        raise RepoNotFoundError("this Hub has no such fleet")
    return WebPage("fleet.html.j2", {"fleet": fleet, "bars": _bars(fleet.bins), "id": RepoId})


def has_fleets(root: Path) -> bool:
    """Whether any fleet was published here."""
    return bool(_files(root))


def _files(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("*.json"))


def _read(file: Path) -> FleetSummary | None:
    """A summary; None for a file that is not one."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=FleetSummary)
    except (OSError, msgspec.MsgspecError):
        return None


def _bars(bins: tuple[ScoreBin, ...]) -> list[dict[str, Any]]:
    """The bins as bars in a box of 600 × 160."""
    each, most = _WIDTH / max(1, len(bins)), max((one.count for one in bins), default=1) or 1
    return [
        {
            "x": round(number * each, 1),
            "y": round(_HEIGHT * (1 - one.count / most), 1),
            "width": round(each - 2, 1),
            "height": round(_HEIGHT * one.count / most, 1),
            "label": f"{one.low:.3f} to {one.high:.3f}: {one.count:,}",
        }
        for number, one in enumerate(bins)
    ]
