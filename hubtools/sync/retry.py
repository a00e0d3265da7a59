"""Which requests to a Hub are sent again, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Responses after which the same request may succeed."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to keep trying."""

    attempts: int = 7
    first: float = 1.0
    """Seconds before the second attempt; they double each time, half of them at random."""
    most: float = 30.0
    timeout: float = 75.0
    """Seconds to wait for a response; a Hub under load may take 30."""

    def wait(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt`, from 0."""
        longest: float = min(self.most, self.first * 2**attempt)
        return longest * random.uniform(0.5, 1)
