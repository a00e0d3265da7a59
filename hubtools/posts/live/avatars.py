"""Avatars from the web: asked for politely, once, and never needed.

    CACHE/avatars/SHA256-OF-ADDRESS        the picture, or nothing where there was none

Only https, only public servers, only pictures, and no more than the limits say. Whatever goes
wrong, there simply is no avatar. What is kept is asked for again a week later.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from hubtools.core.errors import HubtoolsError, OutputError
from hubtools.core.files import write_atomically
from hubtools.posts.live.guard import Guard, origin_of
from hubtools.posts.pictures import is_picture

BYTES_LIMIT = 4 << 20
SECONDS = 5.0
"""For a connection, and for each piece of the answer."""
LONGEST = 15.0
"""Seconds for all of it."""
REDIRECTS = 3
AGAIN_AFTER = 7 * 24 * 3600.0
"""Seconds after which an address is asked again: people change their picture."""
FOLDER = "avatars"


def _resolved(host: str) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)]


@dataclass(frozen=True, slots=True)
class AvatarFetcher:
    """Fetches pictures and keeps them in the folder `cache`."""

    cache: Path
    named: frozenset[str] = frozenset()
    """Origins that are asked wherever they are, http included."""
    resolve: Callable[[str], Sequence[str]] = _resolved
    offline: bool = False
    """Ask nobody: only what is kept."""

    def fetch(self, url: str) -> bytes | None:
        """The bytes of a JPEG, PNG, GIF or WebP at `url`; None when there is no such for now."""
        file = kept_file(self.cache, url)
        kept, fresh = _kept(file)
        if fresh or self.offline:
            return kept or None
        try:
            found = self._ask(url)
        except (HubtoolsError, OSError, ValueError):
            found = None
        with suppress(OutputError):
            write_atomically(file, found or b"")
        return found

    def _ask(self, url: str) -> bytes | None:
        from huggingface_hub.utils import httpx

        guard = Guard(frozenset(map(origin_of, self.named)), self.resolve)
        agent = f"hubtools/{version('hf-hubtools')} (one avatar)"
        headers = {"User-Agent": agent, "Accept": "image/png, image/jpeg, image/webp, image/gif"}
        try:
            with httpx.Client(follow_redirects=False, timeout=SECONDS, headers=headers) as client:
                for _ in range(REDIRECTS + 1):
                    guard.check(url)
                    with client.stream("GET", url) as response:
                        _check_peer(guard, url, response)
                        if not response.is_redirect:
                            return _picture(response)
                        url = urljoin(url, response.headers.get("location", ""))
        except httpx.HTTPError:
            return None
        return None


def default_fetcher(cache: Path) -> AvatarFetcher:
    """A fetcher that keeps to HF_HUB_OFFLINE, as everything else here does."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    return AvatarFetcher(cache, offline=offline)


def kept_file(cache: Path, url: str) -> Path:
    """Where the picture at `url` is kept."""
    return cache / FOLDER / hashlib.sha256(url.encode()).hexdigest()


def _kept(file: Path) -> tuple[bytes, bool]:
    """What is kept, nothing where it was asked for in vain; and whether that is of this week."""
    try:
        return file.read_bytes(), time.time() - file.stat().st_mtime < AGAIN_AFTER
    except OSError:
        return b"", False


def _check_peer(guard: Guard, url: str, response: Any) -> None:
    """Look at where the connection really went: a name may resolve anew for every request."""
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if peer and guard.sees_peer(url):
        guard.check_peer(origin_of(url), str(peer[0]))


def _picture(response: Any) -> bytes | None:
    """The body, if it is a picture by its type and its first bytes, and within the limits."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or not kind.startswith("image/"):
        return None
    latest = time.monotonic() + LONGEST
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > BYTES_LIMIT or time.monotonic() > latest:
            return None
    return bytes(body) if is_picture(bytes(body)) else None
