"""How long a server asks its clients to wait.

Mastodon sends `X-RateLimit-Remaining` and `X-RateLimit-Reset` (a time in ISO 8601,
https://docs.joinmastodon.org/api/rate-limits/), Bluesky `ratelimit-remaining` and
`ratelimit-reset` (seconds since 1970), others the remaining seconds. `Retry-After` (RFC 9110) is
seconds or a date.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubtools.posts.formats.dates import parse_date

_TIMESTAMP = 1e8  # no server asks for so many seconds, so it is a time since 1970


def seconds_until_allowed(headers: Mapping[str, str], now: float) -> float | None:
    """When a temporary refusal allows the next request; None if it does not say."""
    later = headers.get("retry-after")
    if later is not None and (wait := _seconds(later, headers, now)) is not None:
        return wait
    return _until_reset(headers, now)


def seconds_until_refilled(headers: Mapping[str, str], now: float) -> float:
    """How long to wait after a response; 0 while requests remain."""
    left = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")
    if left is None or left.strip() != "0":
        return 0.0
    return _until_reset(headers, now) or 0.0


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset")
    return None if reset is None else _seconds(reset, headers, now)


def _seconds(value: str, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from now until the time in a header, by the server's clock if it sends one."""
    try:
        number = float(value)
        if not 0 <= number < 1e12:
            return None
        if number < _TIMESTAMP:
            return number
    except ValueError:
        moment = parse_date(value)
        if moment is None:
            return None
        number = moment.timestamp()
    there = parse_date(headers.get("date"))
    return max(0.0, number - (there.timestamp() if there else now))
