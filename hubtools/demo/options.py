"""What whoever runs the page chose for all its visitors."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubtools.demo.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How models are made here, and what visitors may do."""

    base: str
    prompt: str
    seed: int
    recipe: str | None = None
    to: str = "local:hub"
    """The Hub of this machine."""
    private: bool = True
    """Whether nobody but who runs it reaches the page; else this machine's Hub and its login are
    not for visitors."""
    limits: Limits = field(default_factory=Limits)
