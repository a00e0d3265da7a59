"""`mastodon:user@host` and `bluesky:handle`: how a person names an account on a network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubtools.core.errors import SourceError
from hubtools.posts.post import Network

_NETWORKS: dict[str, Network] = {"mastodon": "mastodon", "bluesky": "bluesky"}
_LABEL = r"[a-z0-9\u00a1-\uffff][a-z0-9\u00a1-\uffff-]*"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_MASTODON = re.compile(rf"@?([\w.-]+)@({_HOST}(?::\d{{1,5}})?)", re.IGNORECASE)
_BLUESKY = re.compile(rf"@?({_HOST})", re.IGNORECASE)
_DID = re.compile(r"did:plc:[a-z2-7]{24}|did:web:[A-Za-z0-9.-]+(?:%3A\d{1,5})?")
_LONGEST = 253  # characters, of a host's name and of a handle


@dataclass(frozen=True, slots=True)
class Address:
    """An account on a network."""

    network: Network
    handle: str
    """`user@host` on Mastodon; on Bluesky a handle or a DID."""

    @property
    def user(self) -> str:
        return self.handle.partition("@")[0]

    @property
    def host(self) -> str:
        """The server that a Mastodon handle names, with its port when it has one."""
        return self.handle.partition("@")[2]

    def __str__(self) -> str:
        return f"{self.network}:{self.handle}"


def is_live(source: str) -> bool:
    """Whether `source` names an account on a network, and no file."""
    return source.startswith(tuple(f"{network}:" for network in _NETWORKS))


def parse_address(source: str) -> Address:
    """The account that `source` names. Raises SourceError when it can name none."""
    said, _, rest = source.partition(":")
    network = _NETWORKS.get(said)
    short = rest if len(rest) <= _LONGEST else ""
    if network == "mastodon" and (found := _MASTODON.fullmatch(short)):
        return Address(network, f"{found[1]}@{found[2].lower()}")
    if network == "bluesky" and _DID.fullmatch(short):
        return Address(network, rest)
    if network == "bluesky" and (found := _BLUESKY.fullmatch(short)) and "." in rest:
        return Address(network, found[1].lower())
    raise SourceError(
        "is no address of an account",
        where=source[:200],
        fix="Write mastodon:user@server or bluesky:handle, like bluesky:name.bsky.social",
    )


def is_did(handle: str) -> bool:
    """Whether a Bluesky handle is the account's lasting identifier itself."""
    return _DID.fullmatch(handle) is not None
