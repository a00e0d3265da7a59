"""Optional parts of the installation: whether the libraries of an extra are there."""

from __future__ import annotations

from importlib.util import find_spec

from hubtools.core.errors import MissingExtraError


def require_extra(extra: str, purpose: str, *modules: str) -> None:
    """Check that `modules`, which the extra brings, can be imported; nothing is imported.

    `purpose` starts the sentence, as in "Training". Raises MissingExtraError.
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtraError(extra, purpose)
