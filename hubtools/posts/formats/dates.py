"""How exports and API dumps write the date of a post."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_EPOCH = re.compile(r"(\d{9,10}|\d{12,13})(?:\.\d+)?")
_NUMERIC = (
    "%m/%d/%y %H:%M",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%y",
    "%m/%d/%Y",
)


def parse_date(value: object) -> datetime | None:
    """The date in UTC; None if `value` is not a date. A date without a zone counts as UTC.

    Reads X's own format (`Thu May 23 16:56:38 +0000 2024`), ISO 8601, RFC 5322, seconds or
    milliseconds since 1970, and month/day/year with or without a time.
    """
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if not text:
        return None
    try:
        moment = _epoch(text) or _iso(text) or _mail(text) or _numeric(text)
        if moment is None:
            return None
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _epoch(text: str) -> datetime | None:
    found = _EPOCH.fullmatch(text)
    if found is None:
        return None
    return datetime.fromtimestamp(float(text) / (1000 if len(found[1]) > 10 else 1), UTC)


def _iso(text: str) -> datetime | None:
    """ISO 8601; X's archives of 2013 have a space before the zone."""
    try:
        return datetime.fromisoformat(re.sub(r"\s*(?:UTC|GMT)$|\s+(?=[+-]\d\d:?\d\d$)", "", text))
    except ValueError:
        return None


def _mail(text: str) -> datetime | None:
    """RFC 5322, as in HTTP's headers; X's own format has the same words in another order."""
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None


def _numeric(text: str) -> datetime | None:
    for form in _NUMERIC:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
