"""What Ray reads from the environment when it is imported: set it before that."""

from __future__ import annotations

import os
import secrets

from hubtools.core.extras import require_extra


def require_ray() -> None:
    """Raises MissingExtraError when Ray is not installed."""
    require_extra("fleet", "Training on several workers", "ray")


def prepare_ray(address: str | None) -> None:
    """Turn off Ray's usage reports, and protect a cluster of our own by a token kept in no file.

    Raises MissingExtraError when Ray is not installed.
    """
    require_ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
