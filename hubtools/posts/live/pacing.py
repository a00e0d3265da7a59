"""How long a server asks its clients to wait.

Mastodon says `X-RateLimit-Remaining` and `X-RateLimit-Reset` (a moment in ISO 8601,
https://docs.joinmastodon.org/api/rate-limits/), Bluesky `ratelimit-remaining` and
`ratelimit-reset` (seconds since 1970), others the seconds that are left; `Retry-After` (RFC 9110)
is seconds or a date.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from hubtools.posts.dates import parse_date

_A_MOMENT = 1e8  # more seconds than any server asks for, so a time since 1970


def seconds_until_allowed(headers: Mapping[str, str], now: float) -> float | None:
    """What an answer of "too many requests" or "not now" says of the next one; None for nothing."""
    later = headers.get("retry-after")
    if later is not None and (wait := _seconds(later, headers, now)) is not None:
        return wait
    return _until_reset(headers, now)


def seconds_until_refilled(headers: Mapping[str, str], now: float) -> float:
    """How long to keep quiet after an answer: 0 as long as further requests are allowed."""
    left = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")
    if left is None or left.strip() != "0":
        return 0.0
    return _until_reset(headers, now) or 0.0


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset")
    return None if reset is None else _seconds(reset, headers, now)


def _seconds(said: str, headers: Mapping[str, str], now: float) -> float | None:
    """From now until what a header says; by the server's clock where it tells its time."""
    try:
        number = float(said)
        if not 0 <= number < 1e12:
            return None
        if number < _A_MOMENT:
            return number
    except ValueError:
        moment = parse_date(said) or _http_date(said)
        if moment is None:
            return None
        number = moment.timestamp()
    there = _http_date(headers.get("date", ""))
    return max(0.0, number - (there.timestamp() if there else now))


def _http_date(said: str) -> datetime | None:
    try:
        return parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
