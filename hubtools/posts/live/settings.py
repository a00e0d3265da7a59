"""What reading from a network depends on: servers, limits, and the machine's clock and names."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where copies of what networks answered are kept: `$HUBTOOLS_CACHE`, or the system's place.

    That is `$XDG_CACHE_HOME/hubtools` or `~/.cache/hubtools`, `~/Library/Caches/hubtools` on
    macOS, `%LOCALAPPDATA%/hubtools` on Windows.
    """
    if said := environ.get("HUBTOOLS_CACHE"):
        return Path(said).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/hubtools"
    system = environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "hubtools"


def addresses_of(host: str) -> Sequence[str]:
    """The IP addresses of a host's name. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The servers that are asked, how patiently, and for how long an answer is believed."""

    cache: Path = field(default_factory=cache_folder)
    mastodon: str | None = None
    """A base URL to ask in place of the server that an address names."""
    appview: str = "https://public.api.bsky.app"
    """Bluesky's public API: who has a handle, and the profile."""
    directory: str = "https://plc.directory"
    """Where a did:plc says on which server its posts are."""
    attempts: int = 5
    timeout: float = 30.0
    """Seconds for which a server may say nothing."""
    longest_answer: float = 120.0
    """Seconds in which an answer must be complete."""
    longest_wait: float = 900.0
    """Seconds that a server may ask us to wait; both networks count in periods of 5 minutes."""
    largest_answer: int = 16 << 20
    """Bytes, after decompression."""
    most_pages: int = 50_000
    kept_for: float = 7 * 86_400.0
    """Seconds after which all pages are read anew, so that what was deleted, edited or made
    private on the network goes from the copy as well."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    resolve: Callable[[str], Sequence[str]] = addresses_of
