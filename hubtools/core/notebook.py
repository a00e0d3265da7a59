"""Results in a notebook: HTML fragments from `templates/notebook`."""

from __future__ import annotations

import base64
from typing import Any

from hubtools.core.template_root import template_root


def render_fragment(name: str, **values: Any) -> str:
    """Render a template; every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template_root() / "notebook"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{name}.html.j2").render(values)


def data_url(png: bytes) -> str:
    """A PNG as a `data:` URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
