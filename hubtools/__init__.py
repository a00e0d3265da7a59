"""Train a small language model on someone's posts and publish it with an honest card.

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
    from hubtools.api.functions import (
        apply,
        check,
        load,
        plan,
        predict,
        publish,
        pull,
        read,
        render,
        retire,
        save,
        train,
    )
    from hubtools.api.objects import Model, Posts
    from hubtools.cards.card import Card
    from hubtools.cards.check import Finding
    from hubtools.core.config import Project
    from hubtools.core.errors import (
        AccessError,
        CardError,
        ConfigError,
        ConflictError,
        HubtoolsError,
        HubUnavailableError,
        MissingExtraError,
        ModelError,
        OutputError,
        PartlyDoneError,
        PolicyError,
        SourceError,
        UsageError,
    )
    from hubtools.core.events import Reporter
    from hubtools.core.results import Prediction
    from hubtools.corpus.corpus import Corpus
    from hubtools.posts.post import Account, Post
    from hubtools.services.pull import PullResult
    from hubtools.services.retire import RetireResult
    from hubtools.sync.apply import ApplyResult
    from hubtools.sync.plan import Plan
    from hubtools.training.recipe import Recipe

__all__ = [
    "AccessError", "Account", "ApplyResult", "Card", "CardError", "ConfigError", "ConflictError",
    "Corpus", "Finding", "HubUnavailableError", "HubtoolsError", "MissingExtraError", "Model",
    "ModelError", "OutputError", "PartlyDoneError", "Plan", "PolicyError", "Post", "Posts",
    "Prediction", "Project", "PullResult", "Recipe", "Reporter", "RetireResult", "SourceError",
    "UsageError",
    "apply", "check", "load", "plan", "predict", "publish", "pull", "read", "render", "retire",
    "save", "train",
]  # fmt: skip

_MODULES = {
    "Account": "posts.post",
    "ApplyResult": "sync.apply",
    "Card": "cards.card",
    "Corpus": "corpus.corpus",
    "Finding": "cards.check",
    "Model": "api.objects",
    "Plan": "sync.plan",
    "Post": "posts.post",
    "Posts": "api.objects",
    "Prediction": "core.results",
    "Project": "core.config",
    "PullResult": "services.pull",
    "Recipe": "training.recipe",
    "Reporter": "core.events",
    "RetireResult": "services.retire",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that `import hubtools` stays light."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    default = "core.errors" if name.endswith("Error") else "api.functions"
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, default)}"), name)


def __dir__() -> list[str]:
    return __all__
