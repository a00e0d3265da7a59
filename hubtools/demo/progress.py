"""What the page shows between its controls, as HTML from `templates/demo`; all text is escaped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hubtools.cards.card import Card
from hubtools.core.events import Progress
from hubtools.core.html_templates import data_url, render_html
from hubtools.demo.messages import PostsRead
from hubtools.demo.options import DemoLimits

_WIDTH, _HEIGHT = 640, 200  # of the curve, in its own units
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
        """The points of the polyline."""
        losses = [loss for _, loss in self.points]
        high, scale = max(losses), max(max(losses) - min(losses), 0.1)
        return " ".join(
            f"{share * _WIDTH:.1f},{(high - loss) / scale * (_HEIGHT - 16) + 8:.1f}"
            for share, loss in self.points
        )


def welcome(limits: DemoLimits, *, private: bool) -> str:
    """The head of the page: what it is for, and its limits."""
    return _render("welcome", limits=limits, private=private)


def posts(found: PostsRead) -> str:
    """The counts of every account, why posts were dropped, and a few that were kept."""
    return _render("posts", accounts=found.accounts, trainable=found.trainable)


def working(title: str, step: Progress | None = None, curve: LossCurve | None = None) -> str:
    """A bar, and the curve where there is one."""
    return _render("working", title=title, step=step, curve=_drawable(curve))


def notice(text: str, kind: str = "good") -> str:
    """A line that a person must not miss; `kind` is good or bad."""
    return _render("notice", text=text, kind=kind)


def error(text: str) -> str:
    """What went wrong."""
    return notice(text, "bad")


def trained(card: Card, curve: LossCurve) -> str:
    """The result of the training."""
    return _render("trained", card=card, curve=_drawable(curve))


def picture(png: bytes, text: str) -> str:
    """The thumbnail, embedded in the page; `text` describes it."""
    return _render("picture", source=data_url(png), text=text)


def repeated(count: int) -> str:
    """How many predictions are hidden, since they repeat posts."""
    return _render("repeated", count=count) if count else ""


def published(repo: str, url: str, local: str | None) -> str:
    """Where the model is now; `local` is the folder of a Hub that must be served to be seen."""
    return _render("published", repo=repo, url=url, local=local)


def _drawable(curve: LossCurve | None) -> LossCurve | None:
    return curve if curve is not None and len(curve.points) > 1 else None


def _render(name: str, **values: Any) -> str:
    return render_html("demo", name, **values)
