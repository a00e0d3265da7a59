"""How the demo trains, and what it allows its visitors."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLimits:
    """Limits of one visitor and of all together; the page shows them before an upload."""

    max_accounts: int = 3
    max_upload_mb: int = 500
    """Of one file, in megabytes."""
    max_train_minutes: float = 60
    """What was trained until then is kept while the page is open."""
    max_concurrent: int = 1
    """Trainings at the same time; further visitors wait in a queue."""
    max_queue: int = 20
    max_read_minutes: float = 10
    """For reading posts, from an archive or from a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How models are trained and published, for all visitors alike."""

    base: str
    prompt: str
    seed: int
    recipe: str | None = None
    to: str = "local:hub"
    private: bool = True
    """Whether only the user of this machine can reach the page. Other visitors get neither this
    machine's Hub nor its login."""
    limits: DemoLimits = field(default_factory=DemoLimits)
