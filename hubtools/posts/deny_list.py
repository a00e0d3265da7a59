"""The deny list: accounts whose posts must not be read, trained on or published.

`[consent] deny` names the file. It has lines of `network:handle` and `#` comments. Case and a
leading @ do not matter. Handles are written as on their network: `x:harbourlog`,
`mastodon:gull@sea.example` (with the server), `bluesky:tern.bsky.social` (or the DID), and
`file:someone` for posts from an unknown network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_args

import tomlkit

from hubtools.core.config import Project
from hubtools.core.errors import ConfigError, PolicyError
from hubtools.core.files import write_atomically
from hubtools.posts.post import Account, Network
from hubtools.posts.registry import is_live, parse_address

_DEFAULT_LIST = "deny.txt"
_NETWORKS: tuple[str, ...] = get_args(Network)
_ALIASES = {"twitter": "x", "bsky": "bluesky", "fediverse": "mastodon"}


class NamedAccount(Protocol):
    """An account in a source or on a card."""

    @property
    def handle(self) -> str | None: ...

    @property
    def network(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class DenyList:
    """The accounts on a project's deny list."""

    file: Path | None
    entries: frozenset[tuple[str, str]] = frozenset()

    def names(self, account: NamedAccount) -> bool:
        """Whether this account is listed; if its network is unknown, its handle on any network."""
        if account.handle is None:
            return False
        plain = plain_handle(account.handle)
        if account.network in (None, "file"):
            return any(plain == other for _, other in self.entries)
        return (account.network, plain) in self.entries


def read_deny_list(project: Project) -> DenyList:
    """The project's deny list. Raises ConfigError as `refuse_denied` does."""
    if project.config.consent.deny is None:
        return DenyList(None)
    file = project.root / project.config.consent.deny
    return DenyList(file, _read(file))


def refuse_denied(accounts: Iterable[NamedAccount], project: Project) -> None:
    """Raises PolicyError for the first account that is on the project's deny list.

    A handle without a known network (from a plain file, or a card that does not name one) is
    refused if it is listed for any network. Raises ConfigError if the list is missing or has an
    invalid line.
    """
    denied = read_deny_list(project)
    for account in accounts:
        if denied.names(account):
            raise PolicyError(
                f"@{account.handle} is on the deny list",
                where=denied.file,
                fix="Leave this account out",
            )


def refuse_denied_sources(sources: Iterable[str], project: Project) -> None:
    """The same for addresses like `mastodon:user@host`, before any server is asked.

    Paths pass, since they name no account. Raises SourceError for an invalid address.
    """
    addresses = [parse_address(source) for source in sources if is_live(source)]
    refuse_denied([Account(one.network, one.handle) for one in addresses], project)


def deny(accounts: Iterable[NamedAccount], project: Project) -> tuple[str, ...]:
    """Add accounts to the project's deny list; the lines that were added.

    A project without a list gets `deny.txt`, and `[consent] deny` in its hubtools.toml. Accounts
    without a handle are skipped. Raises ConfigError and OutputError.
    """
    denied = read_deny_list(project)
    lines = tuple(
        dict.fromkeys(
            _line(account.network, plain_handle(account.handle))
            for account in accounts
            if account.handle is not None and not denied.names(account)
        )
    )
    file = denied.file or project.root / _DEFAULT_LIST
    if lines:
        before = file.read_text(encoding="utf-8") if file.is_file() else ""
        gap = "\n" if before and not before.endswith("\n") else ""
        write_atomically(file, before + gap + "".join(f"{line}\n" for line in lines))
    if denied.file is None and lines:
        _configure(project)
    return lines


def _line(network: str | None, handle: str) -> str:
    """The line for an account; a handle on Mastodon needs its server."""
    named = network is not None and (network != "mastodon" or "@" in handle)
    return f"{network if named else 'file'}:{handle}"


def _configure(project: Project) -> None:
    """Add the new list to hubtools.toml, or to the pyproject.toml that replaces it."""
    own, shared = project.root / "hubtools.toml", project.root / "pyproject.toml"
    in_shared = not own.is_file() and shared.is_file() and "tool.hubtools" in shared.read_text()
    file = shared if in_shared else own
    document: Any = tomlkit.parse(file.read_text(encoding="utf-8") if file.is_file() else "")
    section = document["tool"]["hubtools"] if in_shared else document
    consent = section.setdefault("consent", tomlkit.table())
    consent["deny"] = _DEFAULT_LIST
    write_atomically(file, tomlkit.dumps(document))


def plain_handle(handle: str) -> str:
    """A handle for comparison: stripped, without a leading @, in lower case."""
    return handle.strip().removeprefix("@").casefold()


def _read(file: Path) -> frozenset[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the deny list: {error}",
            where=file,
            fix="Correct the path in [consent] deny, and save the file as UTF-8",
        ) from error
    entries = (
        (line.partition("#")[0].strip(), f"{file}:{number}") for number, line in enumerate(lines, 1)
    )
    return frozenset(_entry(entry, where) for entry, where in entries if entry)


def _entry(entry: str, where: str) -> tuple[str, str]:
    """An entry that could never match is an error: its author meant to protect someone."""
    prefix, _, rest = entry.partition(":")
    network, handle = prefix.strip().casefold(), plain_handle(rest)
    network = _ALIASES.get(network, network)
    if not (network and handle):
        raise ConfigError(
            f"{entry!r} is not network:handle", where=where, fix="Write it like x:harbourlog"
        )
    if network not in _NETWORKS:
        raise ConfigError(
            f"{prefix!r} is not a network", where=where, fix=f"Use one of: {', '.join(_NETWORKS)}"
        )
    if network == "mastodon" and "@" not in handle:
        raise ConfigError(
            f"{entry!r} lacks the server", where=where, fix=f"Write mastodon:{handle}@SERVER"
        )
    return network, handle
