"""What the page shows between its controls, as HTML from `templates/demo`; all text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from hubtools.core.template_root import template_root
from hubtools.demo.limits import Limits
from hubtools.demo.messages import Looked, Step

if TYPE_CHECKING:
    from jinja2 import Environment

_WIDTH, _HEIGHT = 640, 200  # of the curve, in its own units
_POINTS = 240


@dataclass(slots=True)
class Curve:
    """The loss as it fell: from the words that training puts on its bar."""

    points: list[tuple[float, float]] = field(default_factory=list)
    """(share of the training that is done, loss)"""

    def add(self, step: Step) -> None:
        """Take in a step that says its loss."""
        if step.loss is not None and step.total:
            self.points.append((step.done / step.total, step.loss))
        if len(self.points) > _POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]

    @property
    def line(self) -> str:
        """The points of an SVG polyline."""
        most = max(loss for _, loss in self.points)
        least = min(loss for _, loss in self.points)
        room = max(most - least, 0.1)
        return " ".join(
            f"{share * _WIDTH:.1f},{(most - loss) / room * (_HEIGHT - 16) + 8:.1f}"
            for share, loss in self.points
        )


def welcome(limits: Limits, *, private: bool) -> str:
    """The head of the page: what it is, and its limits."""
    return _render("welcome", limits=limits, private=private)


def looked(found: Looked) -> str:
    """The counts of every account, why posts were left out, and a few that were kept."""
    return _render("looked", accounts=found.accounts)


def working(title: str, step: Step | None, curve: Curve, notes: Sequence[str] = ()) -> str:
    """A bar, and the curve where there is one."""
    shown = curve if len(curve.points) > 1 else None
    return _render("working", title=title, step=step, curve=shown, notes=notes)


def notice(text: str, kind: str = "good") -> str:
    """A line that a person must not miss; `kind` is good or bad."""
    return _render("notice", text=text, kind=kind)


def error(text: str) -> str:
    """What went wrong."""
    return notice(text, "bad")


def trained(card: Any, curve: Curve) -> str:
    """How the training went."""
    return _render("trained", card=card, curve=curve if len(curve.points) > 1 else None)


def picture(png: bytes, text: str) -> str:
    """The thumbnail, in the page itself."""
    data = base64.b64encode(png).decode()
    return _render("picture", source=f"data:image/png;base64,{data}", text=text)


def repeated(count: int) -> str:
    """How many predictions cannot be chosen."""
    return _render("repeated", count=count) if count else ""


def published(repo: str, url: str, local: str | None) -> str:
    """Where the model now is; `local` is the folder of a Hub that must be served to be seen."""
    return _render("published", repo=repo, url=url, local=local)


def style() -> str:
    """The page's CSS."""
    return (template_root() / "demo" / "page.css").read_text(encoding="utf-8")


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(f"{name}.html.j2").render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(template_root() / "demo"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
