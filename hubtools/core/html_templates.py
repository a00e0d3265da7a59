"""HTML from packaged Jinja2 templates, with every value escaped."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hubtools.core.template_root import template_root


def render_html(folder: str, name: str, **values: Any) -> str:
    """Render `templates/<folder>/<name>.html.j2` with `values`."""
    return _environment(folder).get_template(f"{name}.html.j2").render(values)


def data_url(png: bytes) -> str:
    """A PNG as a `data:` URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@cache
def _environment(folder: str) -> Environment:
    return Environment(
        loader=FileSystemLoader(template_root() / folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
