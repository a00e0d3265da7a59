"""Avatars from the web: optional, fetched politely, and cached.

    CACHE/avatars/SHA256-OF-URL        the picture, or an empty file if there was none

Only pictures from public servers over https, within the limits. Whatever goes wrong, the result is
no avatar. The cache is refreshed after a week.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubtools.core.errors import HubtoolsError, OutputError
from hubtools.core.files import write_atomically
from hubtools.posts.formats.values import is_image
from hubtools.posts.live.guard import AddressGuard, origin_of
from hubtools.posts.live.http import HttpLimits, NoResponseError, PublicHttp
from hubtools.posts.live.settings import resolve_host

BYTES_LIMIT = 4 << 20
CACHE_LIFETIME = 7 * 24 * 3600.0
"""Seconds after which an avatar is fetched again: people change their picture."""
FOLDER = "avatars"
_LIMITS = HttpLimits(timeout=5.0, response_timeout=15.0, size=BYTES_LIMIT, redirects=3)
_ACCEPT = "image/png, image/jpeg, image/webp, image/gif"


@dataclass(frozen=True, slots=True)
class AvatarFetcher:
    """Fetches pictures and caches them in the folder `cache`."""

    cache: Path
    trusted: frozenset[str] = frozenset()
    """Origins that are asked wherever they are, even over http."""
    resolve: Callable[[str], Sequence[str]] = resolve_host
    offline: bool = False

    def fetch(self, url: str) -> bytes | None:
        """The bytes of the JPEG, PNG, GIF or WebP at `url`; None if it is not available."""
        file = cached_avatar(self.cache, url)
        cached, fresh = _cached(file)
        if fresh or self.offline:
            return cached or None
        try:
            found = self._download(url)
        except (HubtoolsError, NoResponseError, OSError, ValueError):
            found = None
        with suppress(OutputError):
            write_atomically(file, found or b"")
        return found

    def _download(self, url: str) -> bytes | None:
        guard = AddressGuard(frozenset(map(origin_of, self.trusted)), self.resolve)
        with PublicHttp(guard, _LIMITS, purpose="one avatar", accept=_ACCEPT) as http:
            response = http.get(url)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_picture = response.status == 200 and kind.startswith("image/")
        return response.body if is_picture and is_image(response.body) else None


def default_fetcher(cache: Path) -> AvatarFetcher:
    """A fetcher that respects HF_HUB_OFFLINE."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    return AvatarFetcher(cache, offline=offline)


def cached_avatar(cache: Path, url: str) -> Path:
    return cache / FOLDER / hashlib.sha256(url.encode()).hexdigest()


def _cached(file: Path) -> tuple[bytes, bool]:
    """The cached bytes (empty if there was no picture), and whether they are fresh."""
    try:
        return file.read_bytes(), time.time() - file.stat().st_mtime < CACHE_LIFETIME
    except OSError:
        return b"", False
