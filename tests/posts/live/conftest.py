from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubtools.posts.live.http import HttpLimits
from hubtools.posts.live.settings import LiveReading, LiveSettings
from tests.posts.live.servers import Clock, Served

Asking = Callable[[Served], LiveReading]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asking(tmp_path: Path, clock: Clock) -> Asking:
    """A reading that asks one server for everything, and never really waits."""

    def reading(served: Served) -> LiveReading:
        settings = LiveSettings(
            cache=tmp_path / "cache",
            mastodon=served.base,
            appview=served.base,
            directory=served.base,
            clock=clock.time,
            sleep=clock.sleep,
            jitter=lambda: 0.5,
            limits=HttpLimits(timeout=5.0),
        )
        return LiveReading(settings=settings)

    return reading
