"""Every error that hubtools raises on purpose, and the exit code that it ends a command with.

::

    HubtoolsError                 1   an error not named below
    ├── UsageError                2   the command or function was called incorrectly
    ├── AccessError               4   not logged in, or not allowed
    ├── HubUnavailableError       5   the Hub or the network failed for now; a rerun resumes
    ├── ConflictError             6   the remote changed since it was read
    ├── PolicyError               7   refused: too few posts, deny list, change limit
    ├── PartlyDoneError           8   some items failed; a rerun resumes
    ├── SourceError               1   posts that cannot be read
    ├── CardError                 1   a card that cannot be read or rendered
    ├── ConfigError               1   a hubtools.toml that cannot be used
    ├── ModelError                1   a base or folder that is not a usable model
    ├── OutputError               1   a file or folder that cannot be written
    └── MissingExtraError         1   an optional dependency that is not installed
"""

from __future__ import annotations

from typing import ClassVar

_PROJECT = "https://github.com/hf-hubtools/hubtools"


class HubtoolsError(Exception):
    """One line for a person: where, what, and what to do about it.

    `what` is a phrase without a final period, `where` a file, a field or an address, `fix` one
    sentence that says what to do.
    """

    exit_code: ClassVar[int] = 1
    """What a command that raises it exits with."""

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

    @classmethod
    def of(
        cls,
        failed: list[HubtoolsError] | tuple[HubtoolsError, ...],
        total: int,
        what: str,
        fix: str,
    ) -> HubtoolsError | None:
        """The error of a run over `total` items of which some `failed`; None where none did.

        It is the error of an only item, else one that counts the failures.
        """
        if total == 1 or not failed:
            return next(iter(failed), None)
        return cls(f"{len(failed):,} of {total:,} {what}", fix=fix)


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
    """`purpose` needs libraries that only an extra of the installation brings."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra {extra!r}, which is not installed",
            fix=f"Run: pip install 'hf-hubtools[{extra}] @ git+{_PROJECT}', "
            f"or pip install -e '.[{extra}]' in a clone",
        )
        self.extra = extra
