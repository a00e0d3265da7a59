"""How results look in a notebook: fragments of HTML from `templates/notebook`."""

from __future__ import annotations

import base64
from typing import Any

from hubtools.core.html_templates import render_html


def render_fragment(name: str, **values: Any) -> str:
    """The template `name` with `values`, every text in them escaped."""
    return render_html("notebook", name, **values)


def data_url(png: bytes) -> str:
    """A PNG as a `data:` address."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
