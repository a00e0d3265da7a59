"""`--max-changes`: how many models one run may update or retire."""

from __future__ import annotations

from dataclasses import dataclass

from hubtools.core.errors import PolicyError, UsageError
from hubtools.sync.plan import Plan

SMALL_FLEET = 20
"""Models up to which the configured percentage does not apply: a tenth of three is nothing."""


@dataclass(frozen=True, slots=True)
class ChangeLimit:
    """A limit on updates and retirements; creations do not count.

    Raises UsageError for what is neither a number nor a percentage.
    """

    value: str
    """A number, or a percentage of all models such as `10%`."""
    explicit: bool = False
    """Whether a person gave it just now; otherwise a percentage applies to larger fleets only."""

    def __post_init__(self) -> None:
        if not (self._number.isascii() and self._number.isdigit()):
            raise UsageError(
                f"{self.value!r} is not a number or a percentage",
                where="--max-changes" if self.explicit else "[hub] max_changes",
                fix="Give a limit such as 50 or 10%",
            )

    def check(self, plan: Plan, models: int) -> None:
        """Raises PolicyError when `plan` updates or retires more of `models` models."""
        limit = self._limit(models)
        changes = len(plan.of("update", "retire"))
        if limit is not None and changes > limit:
            share = f" ({self.value} of {models:,})" if self._is_share else ""
            raise PolicyError(
                f"the plan updates or retires {changes:,} models, above the limit of "
                f"{limit:,}{share}; nothing was sent",
                where=f"{plan.namespace} on {plan.to}",
                fix=f"Review the plan, then allow it with --max-changes {changes}",
            )

    @property
    def _is_share(self) -> bool:
        return self.value.strip().endswith("%")

    @property
    def _number(self) -> str:
        return self.value.strip().removesuffix("%").strip()

    def _limit(self, models: int) -> int | None:
        if not self._is_share:
            return int(self._number)
        if models <= SMALL_FLEET and not self.explicit:
            return None
        return models * int(self._number) // 100


def change_limit(explicit: str | int | None, configured: str | int) -> ChangeLimit:
    """The `explicit` limit, or the configured one. Raises UsageError for a malformed one."""
    if explicit is not None:
        return ChangeLimit(str(explicit), explicit=True)
    return ChangeLimit(str(configured))
