"""The deny list: accounts that nobody may read, train on or publish."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hubtools.config import Project
from hubtools.errors import ConfigError, PolicyError
from hubtools.posts.model import Account


def refuse_denied(accounts: Iterable[Account], project: Project) -> None:
    """Raises PolicyError for the first account that the project's deny list names.

    The list is the file that `[consent] deny` names: lines of `network:handle`, `#` comments.
    Raises ConfigError when that file is missing or has another line.
    """
    if project.config.consent.deny is None:
        return
    file = project.root / project.config.consent.deny
    denied = _read(file)
    for account in accounts:
        if account.handle and f"{account.network}:{account.handle}".casefold() in denied:
            raise PolicyError(
                f"@{account.handle} is on the deny list and must not be used",
                where=file,
                fix="Leave this account out",
            )


def _read(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the deny list cannot be read: {error}", where=file) from error
    entries = set()
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip().casefold()
        network, colon, handle = entry.partition(":")
        if entry and not (network and colon and handle):
            raise ConfigError(f"{line.strip()!r} is not network:handle", where=f"{file}:{number}")
        if entry:
            entries.add(f"{network}:{handle.removeprefix('@')}")
    return frozenset(entries)
