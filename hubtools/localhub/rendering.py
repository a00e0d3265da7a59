"""Rendering the pages from their templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hubtools.core.template_root import template_root
from hubtools.localhub.links import Links
from hubtools.localhub.snapshot import PICTURE
from hubtools.localhub.types import Repo

ASSETS = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "page.js": "text/javascript; charset=utf-8",
}
"""The files next to the templates that pages load, and their media types."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page's template and data; `script` if it loads JavaScript."""

    template: str
    data: Mapping[str, Any]
    script: bool = False


def page_templates() -> Environment:
    """The pages' templates: values are escaped, and undefined ones are errors."""
    env = Environment(
        loader=FileSystemLoader(template_root() / "web"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"day": _day, "size": _size, "teaser": teaser, "labels": labels}
    return env


def render(env: Environment, page: WebPage, links: Links, *, static: bool = False) -> str:
    """The HTML of a page; `static` for a page of an exported site."""
    template = env.get_template(page.template)
    return template.render(
        to=links, static=static, script=page.script, picture=PICTURE, page=page.data, **page.data
    )


def teaser(repo: Repo) -> str | None:
    """The prediction in the front matter's widget, which the thumbnail of our own cards shows."""
    widget = repo.card.data.get("widget")
    first = widget[0] if isinstance(widget, list) and widget else None
    output = first.get("output") if isinstance(first, dict) else None
    text = output.get("text") if isinstance(output, dict) else None
    return text[:600] if isinstance(text, str) and text.strip() else None


def labels(repo: Repo) -> list[str]:
    """The front matter's own tags, without those that the Hub derives from other keys."""
    return texts(repo.card.data.get("tags"))


def texts(value: object) -> list[str]:
    """The strings of a front-matter key that holds one or several."""
    values = value if isinstance(value, list) else [value]
    return [text[:120] for text in values if isinstance(text, str) and text.strip()]


def _day(time: str) -> str:
    moment = datetime.fromisoformat(time)
    return f"{moment.day} {moment:%b %Y}"


def _size(number: int) -> str:
    amount = float(number)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
