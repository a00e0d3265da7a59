"""Thumbnails, pipeline pictures and training curves, drawn from plain values."""

from __future__ import annotations

from hubtools.core.extras import require_extra


def require_pictures(purpose: str) -> None:
    """Check that the drawing libraries are installed; raises MissingExtraError for `purpose`.

    For those who may lack the extra, before they import a module that draws.
    """
    require_extra("pictures", purpose, "matplotlib", "PIL", "regex")
