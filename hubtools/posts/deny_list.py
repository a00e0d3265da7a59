"""The deny list: accounts that nobody may read, train on or publish.

It is the file that `[consent] deny` names: lines of `network:handle`, `#` comments. Case and a
leading @ do not matter; handles are written as their network does: `x:harbourlog`,
`mastodon:gull@sea.example` (with the server), `bluesky:tern.bsky.social` (or the account's DID),
`file:someone` for posts whose network is not known.
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
from hubtools.posts.live.address import is_live, parse_address
from hubtools.posts.post import Account, Network

_DEFAULT_LIST = "deny.txt"
_NETWORKS: tuple[str, ...] = get_args(Network)
_OTHER_NAMES = {"twitter": "x", "bsky": "bluesky", "fediverse": "mastodon"}


class Named(Protocol):
    """An account of a source or of a card."""

    @property
    def handle(self) -> str | None: ...

    @property
    def network(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class DenyList:
    """The accounts that a project's deny list names."""

    file: Path | None
    """None where the project has no list."""
    entries: frozenset[tuple[str, str]] = frozenset()

    def names(self, account: Named) -> bool:
        """Whether the list has this account; for an unknown network, its handle on any."""
        if account.handle is None:
            return False
        return _is_denied(account.network, account.handle, self.entries)


def read_deny_list(project: Project) -> DenyList:
    """The project's deny list. Raises ConfigError as `refuse_denied` does."""
    if project.config.consent.deny is None:
        return DenyList(None)
    file = project.root / project.config.consent.deny
    return DenyList(file, _read(file))


def refuse_denied(accounts: Iterable[Named], project: Project) -> None:
    """Raises PolicyError for the first account that the project's deny list names.

    A handle of an unknown network (that of a plain file, or of a card that does not say) is
    refused when the list has it for any network. Raises ConfigError when the list is missing or
    has a line that names no account.
    """
    denied = read_deny_list(project)
    for account in accounts:
        if denied.names(account):
            raise PolicyError(
                f"@{account.handle} is on the deny list and must not be used",
                where=denied.file,
                fix="Leave this account out",
            )


def refuse_denied_sources(sources: Iterable[str], project: Project) -> None:
    """The same for addresses like `mastodon:user@host`, before anything is asked of a server.

    A path names no account and passes. Raises SourceError for an address that is none.
    """
    addresses = [parse_address(source) for source in sources if is_live(source)]
    refuse_denied([Account(one.network, one.handle) for one in addresses], project)


def deny(accounts: Iterable[Named], project: Project) -> tuple[str, ...]:
    """Put accounts on the project's deny list; the lines that were new.

    A project without a list gets `deny.txt`, and `[consent] deny` in its hubtools.toml. Accounts
    without a handle cannot be named. Raises ConfigError and OutputError.
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
    """The entry of an account; one of Mastodon is not known without its server."""
    named = network is not None and (network != "mastodon" or "@" in handle)
    return f"{network if named else 'file'}:{handle}"


def _configure(project: Project) -> None:
    """Name the new list in hubtools.toml, or in the pyproject.toml that takes its place."""
    own, shared = project.root / "hubtools.toml", project.root / "pyproject.toml"
    in_shared = not own.is_file() and shared.is_file() and "tool.hubtools" in shared.read_text()
    file = shared if in_shared else own
    document: Any = tomlkit.parse(file.read_text(encoding="utf-8") if file.is_file() else "")
    section = document["tool"]["hubtools"] if in_shared else document
    consent = section.setdefault("consent", tomlkit.table())
    consent["deny"] = _DEFAULT_LIST
    write_atomically(file, tomlkit.dumps(document))


def plain_handle(handle: str) -> str:
    """A handle as handles are compared: without spaces around it, a leading @, and case."""
    return handle.strip().removeprefix("@").casefold()


def _is_denied(network: str | None, handle: str, denied: frozenset[tuple[str, str]]) -> bool:
    plain = plain_handle(handle)
    if network in (None, "file"):
        return any(plain == other for _, other in denied)
    return (network, plain) in denied


def _read(file: Path) -> frozenset[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the deny list cannot be read: {error}", where=file) from error
    entries = (
        (line.partition("#")[0].strip(), f"{file}:{number}") for number, line in enumerate(lines, 1)
    )
    return frozenset(_entry(entry, where) for entry, where in entries if entry)


def _entry(entry: str, where: str) -> tuple[str, str]:
    """An entry that could never match is a mistake: whoever wrote it wanted someone protected."""
    said, _, rest = entry.partition(":")
    network, handle = said.strip().casefold(), plain_handle(rest)
    network = _OTHER_NAMES.get(network, network)
    if not (network and handle):
        raise ConfigError(f"{entry!r} is not network:handle", where=where)
    if network not in _NETWORKS:
        raise ConfigError(
            f"{said!r} is no network", where=where, fix=f"It is one of: {', '.join(_NETWORKS)}"
        )
    if network == "mastodon" and "@" not in handle:
        raise ConfigError(
            f"{entry!r} names no server", where=where, fix=f"Write mastodon:{handle}@SERVER"
        )
    return network, handle
