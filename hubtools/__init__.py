"""A small language model of your own posts, with an honest card, published on the Hub.

::

    from hubtools import apply, plan, read, train

    posts = read("twitter-2024.zip")
    model = train(posts, base="scratch")
    model.predict("My dream is")
    apply(plan(model))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubtools.api import Model, Posts, apply, load, plan, read, save, train
    from hubtools.cards.card import Card
    from hubtools.core.errors import HubtoolsError

__all__ = [
    "Card", "HubtoolsError", "Model", "Posts",
    "apply", "load", "plan", "read", "save", "train",
]  # fmt: skip

_MODULES = {"Card": "hubtools.cards.card", "HubtoolsError": "hubtools.core.errors"}


def __getattr__(name: str) -> Any:
    """Names are imported when they are asked for: the command line starts without them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "hubtools.api")), name)


def __dir__() -> list[str]:
    return __all__
