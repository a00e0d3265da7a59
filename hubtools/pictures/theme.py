"""The colors that all pictures share, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors as `#rrggbb`."""

    paper: str
    card: str
    rule: str
    ink: str
    muted: str
    accent: str
    """The prompt, headings, arrows."""
    signal: str
    """The focus: the caret, the best bar."""
    band: str
    """The strip with the accounts, and the last box of the pipeline."""
    band_ink: str
    band_muted: str
    tones: tuple[str, ...] = ("#0a6b6f", "#b4472f", "#3d5a98", "#7a4a86", "#8a6414", "#3f6b3a")
    """Circles of accounts without an avatar."""


LIGHT = Theme(
    paper="#f7f3ea",
    card="#fffdf8",
    rule="#d9d0be",
    ink="#14233a",
    muted="#5c6679",
    accent="#0a6b6f",
    signal="#e0533a",
    band="#14233a",
    band_ink="#fffdf8",
    band_muted="#a8b4c8",
)
DARK = Theme(
    paper="#101a29",
    card="#17253a",
    rule="#2f4059",
    ink="#f3eee2",
    muted="#9aa7bb",
    accent="#5cc8bd",
    signal="#ff7d61",
    band="#1d2f49",
    band_ink="#fffdf8",
    band_muted="#b3c0d4",
)


class ThemeName(Enum):
    """The themes by their names on the command line."""

    LIGHT = "light"
    DARK = "dark"

    @property
    def theme(self) -> Theme:
        return LIGHT if self is ThemeName.LIGHT else DARK
