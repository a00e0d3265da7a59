"""Every error that hubtools raises on purpose, and the exit code that each one ends a command with.

::

    HubtoolsError                 1   an error not named below
    ├── UsageError                2   the command was called wrongly
    ├── AccessError               4   not logged in, or not allowed
    ├── HubUnavailableError       5   the Hub or the network failed for now; a rerun resumes
    ├── ConflictError             6   the remote changed since it was read
    ├── PolicyError               7   refused: too few posts, deny list, change limit
    ├── PartlyDoneError           8   some of many; a rerun resumes
    ├── SourceError               1   posts that cannot be read
    ├── CardError                 1   a card that cannot be read or rendered
    ├── ConfigError               1   a hubtools.toml that cannot be used
    ├── ModelError                1   a base or a folder that is no usable model
    ├── OutputError               1   something that cannot be written
    └── MissingExtraError         1   an optional part that is not installed
"""

from __future__ import annotations

from typing import ClassVar


class HubtoolsError(Exception):
    """One line for a person: where, what, and what to do about it.

    `what` is a phrase without a final stop, `where` a file, a field or an address,
    `fix` a sentence that says what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: object = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.fix = fix

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return " ".join(f"{head}. {self.fix}".split()) if self.fix else " ".join(head.split())


class UsageError(HubtoolsError):
    exit_code = 2


class AccessError(HubtoolsError):
    exit_code = 4


class HubUnavailableError(HubtoolsError):
    exit_code = 5


class ConflictError(HubtoolsError):
    exit_code = 6


class PolicyError(HubtoolsError):
    exit_code = 7


class PartlyDoneError(HubtoolsError):
    exit_code = 8


class SourceError(HubtoolsError):
    pass


class CardError(HubtoolsError):
    pass


class ConfigError(HubtoolsError):
    pass


class ModelError(HubtoolsError):
    pass


class OutputError(HubtoolsError):
    pass


class MissingExtraError(HubtoolsError):
    """An import failed because the extra that brings the library is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra '{extra}', which is not installed",
            fix=f"Install it: pip install 'hf-hubtools[{extra}]'",
        )
        self.extra = extra
