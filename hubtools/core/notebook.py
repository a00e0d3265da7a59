"""How posts and cards look in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubtools.cards.card import Card
    from hubtools.corpus.corpus import Corpus


def card_html(card: Card, thumbnail: bytes | None = None) -> str:
    """A card in short: picture, accounts, counts, outcome, predictions. All text is escaped."""
    return _render("card", card=card, thumbnail=_data_url(thumbnail) if thumbnail else None)


def posts_html(corpora: Sequence[Corpus]) -> str:
    """The table that `hubtools posts stats` prints."""
    reasons = sorted({reason for corpus in corpora for reason in corpus.dropped})
    return _render("posts", corpora=corpora, reasons=reasons)


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _render(name: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from hubtools.core.template_root import template_root

    loader = FileSystemLoader(template_root() / "notebook")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(f"{name}.html.j2").render(values)
