from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubtools.posts.live.settings import Settings
from tests.posts.live.servers import Clock, Served

Asking = Callable[[Served], Settings]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asking(tmp_path: Path, clock: Clock) -> Asking:
    """Settings that ask one server for everything, and never wait for real."""

    def settings(served: Served) -> Settings:
        return Settings(
            cache=tmp_path / "cache",
            mastodon=served.base,
            appview=served.base,
            directory=served.base,
            clock=clock.time,
            sleep=clock.sleep,
            jitter=lambda: 0.5,
            timeout=5.0,
        )

    return settings
