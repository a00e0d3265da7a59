"""The training loss as the page draws it while a model trains."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubtools.core.events import Progress

_WIDTH, _HEIGHT = 640, 200  # in the curve's own units
_MAX_POINTS = 240


@dataclass(slots=True)
class LossCurve:
    """The training loss so far, for an SVG polyline."""

    points: list[tuple[float, float]] = field(default_factory=list)
    """(share of the training that is done, loss in nats/token)"""

    def add(self, progress: Progress) -> None:
        """Add a point, if this is progress of a training."""
        if progress.metrics is not None and progress.total:
            self.points.append((progress.done / progress.total, progress.metrics.loss))
        if len(self.points) > _MAX_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]

    @property
    def line(self) -> str:
        losses = [loss for _, loss in self.points]
        high, scale = max(losses), max(max(losses) - min(losses), 0.1)
        return " ".join(
            f"{share * _WIDTH:.1f},{(high - loss) / scale * (_HEIGHT - 16) + 8:.1f}"
            for share, loss in self.points
        )
