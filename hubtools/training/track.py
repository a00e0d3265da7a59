"""Where the numbers of a training go while it runs: a file always, a tracker when asked."""

from __future__ import annotations

from typing import Protocol

from hubtools.training.checkpoint import Point


class Log(Protocol):
    """Is told of every step, and of every point of the curve."""

    def step(self, step: int, loss: float, rate: float) -> None:
        """After update `step`, counted from 1."""

    def point(self, point: Point) -> None:
        """A point of the curve."""


class NoLog:
    """Keeps nothing."""

    def step(self, step: int, loss: float, rate: float) -> None:
        pass

    def point(self, point: Point) -> None:
        pass
