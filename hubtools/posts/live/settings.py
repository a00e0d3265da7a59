"""How a network is read: servers, limits, the clock, and whom to ask first."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.posts.live.http import HttpLimits
from hubtools.posts.post import Account


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where responses of networks are cached: `$HUBTOOLS_CACHE`, or the system's place.

    That is `$XDG_CACHE_HOME/hubtools` or `~/.cache/hubtools`, `~/Library/Caches/hubtools` on
    macOS, `%LOCALAPPDATA%/hubtools` on Windows.
    """
    if folder := environ.get("HUBTOOLS_CACHE"):
        return Path(folder).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/hubtools"
    system = environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "hubtools"


def resolve_host(host: str) -> Sequence[str]:
    """The IP addresses of a host name. Raises OSError if it has none."""
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Which servers are asked, how patiently, and how long cached pages are valid."""

    cache: Path = field(default_factory=cache_folder)
    mastodon: str | None = None
    """A base URL to ask instead of the server in the address."""
    appview: str = "https://public.api.bsky.app"
    """Bluesky's public API, for handles and profiles."""
    directory: str = "https://plc.directory"
    """Where a did:plc names the server of its posts."""
    attempts: int = 5
    limits: HttpLimits = field(default_factory=HttpLimits)
    longest_wait: float = 900.0
    """Seconds that a server may ask us to wait; both networks count in periods of 5 minutes."""
    page_limit: int = 50_000
    cache_lifetime: float = 7 * 86_400.0
    """Seconds after which all pages are read again, so that posts which were deleted, edited or
    hidden on the network leave the cache too."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] | None = None
    """By default it waits, and wakes up when the work is cancelled."""
    jitter: Callable[[], float] = random.random
    resolve: Callable[[str], Sequence[str]] = resolve_host


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReading:
    """One reading of an account from its network."""

    settings: LiveSettings = field(default_factory=LiveSettings)
    reporter: Reporter = field(default_factory=Reporter)
    cancel: CancelToken = field(default_factory=CancelToken)
    allow: Callable[[Account], object] = lambda account: None
    """Called with the account under each of its names before any post is read; may raise."""
