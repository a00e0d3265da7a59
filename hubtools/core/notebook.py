"""Results in a notebook: HTML fragments from `templates/notebook`."""

from __future__ import annotations

import base64
from typing import Any

from hubtools.core.html_templates import render_html


def render_fragment(name: str, **values: Any) -> str:
    """Render a template; every value is escaped."""
    return render_html("notebook", name, **values)


def data_url(png: bytes) -> str:
    """A PNG as a `data:` URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
