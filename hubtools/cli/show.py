"""How commands show results that several of them have."""

from __future__ import annotations

from collections.abc import Sequence

from hubtools.core.errors import HubtoolsError, PartlyDoneError
from hubtools.core.events import Reporter

_FAILURES = 20


def finish(error: HubtoolsError | None, failures: Sequence[object], reporter: Reporter) -> None:
    """Raise the error of a result; where it stands for many failures, note each of them first."""
    if error is None:
        return
    if isinstance(error, PartlyDoneError):
        for failure in failures[:_FAILURES]:
            reporter.note(f"  {failure}")
    raise error
