"""Whether the libraries that training needs are installed."""

from __future__ import annotations

from hubtools.core.extras import require_extra


def require_training() -> None:
    """Check before importing this room's heavy modules. Raises MissingExtraError."""
    require_extra("train", "training and predicting", "torch", "transformers")
