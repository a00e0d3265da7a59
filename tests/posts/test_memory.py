"""What a program that already has its posts can rely on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, Post
from hubtools.posts.sources.memory import account_posts

MADE = datetime(2024, 5, 23, 16, 56, 38, tzinfo=UTC)
RECORDS = [
    {"Text": "hello", "created_at": MADE, "username": "keeper"},
    {"Text": "RT @them: theirs", "created_at": None, "username": "keeper"},
]
READ = (Post("1", "hello", MADE), Post("2", "RT @them: theirs", repost=True))


class PandasLike:
    """As much of a pandas data frame as is used."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records
        self.columns = list(records[0]) if records else []

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.records


class PolarsLike:
    """As much of a polars data frame as is used."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records
        self.columns = list(records[0])

    def to_dicts(self) -> list[dict[str, Any]]:
        return self.records


def real_frame(library: str) -> Any:
    return pytest.importorskip(library).DataFrame(RECORDS)


@pytest.mark.parametrize("make", [PandasLike, PolarsLike])
def test_a_data_frame_is_read_like_a_table(make: Any) -> None:
    found = account_posts(make(RECORDS))
    assert found.account == Account("file", "keeper")
    assert found.posts == READ


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_real_data_frames(library: str) -> None:
    found = account_posts(real_frame(library))
    assert found.account == Account("file", "keeper")
    assert found.posts == READ
    assert found.digest == account_posts(PandasLike(RECORDS)).digest


def test_the_column_of_posts_can_be_named_and_an_author_selected() -> None:
    frame = PandasLike([{"Body": "mine", "user": "keeper"}, {"Body": "theirs", "user": "mate"}])
    options = ReadOptions(text_column="Body", account="mate")
    found = account_posts(frame, options=options)
    assert ([post.text for post in found.posts], found.account.handle) == (["theirs"], "mate")
    with pytest.raises(SourceError):
        account_posts(frame, options=ReadOptions(text_column="Body"))


def test_missing_values_are_no_text() -> None:
    found = account_posts(PandasLike([{"text": "a", "lang": float("nan")}]))
    assert found.posts == (Post("1", "a"),)


def test_texts_posts_and_records() -> None:
    account = Account("x", "keeper")
    texts = account_posts(["one", "RT @x: two"], account)
    assert texts.account == account
    assert [(post.text, post.repost) for post in texts.posts] == [
        ("one", False),
        ("RT @x: two", True),
    ]
    assert account_posts(iter(READ)).posts == READ
    assert account_posts([{"text": "a"}]).posts == (Post("1", "a"),)


def test_the_digest_depends_on_the_posts_alone() -> None:
    assert account_posts(["a", "b"]).digest == account_posts(("a", "b"), Account("x")).digest
    assert account_posts(["a", "b"]).digest != account_posts(["b", "a"]).digest


@pytest.mark.parametrize("data", ["one.zip", b"x", 7, None, [], [7], PandasLike([]), [{"a": "b"}]])
def test_other_data_are_refused(data: Any) -> None:
    with pytest.raises(SourceError) as caught:
        account_posts(data)
    assert str(caught.value.where).startswith("data")
    assert caught.value.fix
