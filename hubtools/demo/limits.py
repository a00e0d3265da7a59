"""What a visitor may ask of the machine, as the page says before anything is uploaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one visitor and of all together."""

    accounts: int = 3
    megabytes: int = 500
    """Of one uploaded file."""
    minutes: float = 60
    """Of one training; what was trained until then is kept while the page is open."""
    trainings: int = 1
    """At the same time; who comes later waits in a queue."""
    waiting: int = 20
    """In that queue."""
    address_minutes: float = 10
    """Of reading one account from its network."""

    def sentence(self) -> str:
        """The limits as the page says them."""
        return (
            f"Up to {self.accounts} accounts, {self.megabytes:,} MB each. "
            f"A training may take {self.minutes:g} minutes. "
            f"{_count(self.trainings)} at a time; others wait in a queue."
        )


def _count(number: int) -> str:
    return "One trains" if number == 1 else f"{number} train"
