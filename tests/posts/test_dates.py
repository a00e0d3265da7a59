"""Dates as exports and dumps write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.posts.formats.dates import parse_date

MOMENT = datetime(2024, 5, 23, 16, 56, 38, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Thu May 23 16:56:38 +0000 2024",
        "Thu May 23 18:56:38 +0200 2024",
        "2024-05-23T16:56:38.000Z",
        "2024-05-23T18:56:38+02:00",
        "2024-05-23 16:56:38 +0000",
        "2024-05-23 16:56:38 UTC",
        "2024-05-23 16:56:38",
        "5/23/24 16:56:38",
        "05/23/2024 16:56:38",
        "1716483398",
        "1716483398000",
        "1716483398.0",
        1716483398,
        1716483398.0,
    ],
)
def test_one_moment_in_many_ways(value: object) -> None:
    assert parse_date(value) == MOMENT


def test_a_table_without_seconds() -> None:
    assert parse_date("10/16/17 22:59") == datetime(2017, 10, 16, 22, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "Thu Mai 23 16:56:38 +0000 2024",
        "16/10/17",
        None,
        [],
        "99999999999999999",
        "0001-01-01T00:00:00+14:00",
        "Thu Feb 30 16:56:38 +0000 2024",
        float("nan"),
        True,
    ],
)
def test_what_is_no_date_is_none(value: object) -> None:
    assert parse_date(value) is None


@given(st.text() | st.floats() | st.integers())
def test_nothing_raises_and_all_is_utc(value: object) -> None:
    found = parse_date(value)
    assert found is None or found.tzinfo is UTC
