"""Plain text, tables of any columns, encodings and dates: what nobody has exported by the book."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account
from hubtools.posts.registry import read_source
from tests.posts.conftest import Golden

BODY = ReadOptions(text_column="Body")


def write(tmp_path: Path, data: str | bytes) -> str:
    file = tmp_path / "posts"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(file)


def texts(source: str, options: ReadOptions | None = None) -> list[str]:
    return [post.text for post in read_source(source, options=options).posts]


@pytest.mark.parametrize(
    ("text", "posts"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("\n\none\r\ntwo  \n\n\n", ["one", "two"]),
        ("one\nstill one\n\ntwo\n \n\nthree", ["one\nstill one", "two", "three"]),
        ("Hello, world\nThis, that, and more\n", ["Hello, world", "This, that, and more"]),
        ("\ufeffcafé ☕\nRT @x: theirs", ["café ☕", "RT @x: theirs"]),
        ("👩‍🚀 said: \u200bhi", ["👩‍🚀 said: \u200bhi"]),
    ],
)
def test_plain_text(text: str, posts: list[str], tmp_path: Path) -> None:
    found = read_source(write(tmp_path, text))
    assert found.account == Account("file")
    assert [post.text for post in found.posts] == posts
    assert [post.repost for post in found.posts] == [text.startswith("RT @") for text in posts]
    assert bool(found.notes) == any("\n" in post for post in posts)


def test_plain_text_that_is_not_utf_8(tmp_path: Path) -> None:
    assert texts(write(tmp_path, b"caf\xe9\n\x93q\x94\n")) == ["café", "“q”"]


def test_half_an_emoji_in_plain_text_is_not_utf_8(tmp_path: Path) -> None:
    found = read_source(write(tmp_path, b"a \xed\xa0\xbd b\n"))
    assert len(found.notes) == 1
    assert all(post.text.encode() for post in found.posts)


def test_a_line_of_ten_megabytes_is_read_and_one_of_twenty_is_not(
    tmp_path: Path, golden: Golden
) -> None:
    assert len(texts(write(tmp_path, "word " * 2_000_000))[0]) == 9_999_999
    with pytest.raises(SourceError) as caught:
        read_source(write(tmp_path, "a\n" + "word " * 4_000_000))
    assert str(caught.value.where).endswith("posts:2")
    golden(caught.value)
    line = json.dumps({"text": "word " * 2_000_000})
    assert len(texts(write(tmp_path, f"{line}\n{line}\n"))) == 2


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("id,tweet", ["hello"]),
        ("id,Content", ["hello"]),
        ("id,tweet_text", ["hello"]),
        ("tweet,text", ["hello"]),
    ],
)
def test_well_known_columns_are_known(header: str, found: list[str], tmp_path: Path) -> None:
    assert texts(write(tmp_path, f"{header}\n1,hello\n")) == found


def test_columns_that_cannot_be_told_are_named(tmp_path: Path, golden: Golden) -> None:
    source = write(tmp_path, "when;Body;post;message\n1;a, b;c;d\n")
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert caught.value.where == f"{source}:1"
    golden(caught.value)
    assert texts(source, BODY) == ["a, b"]
    with pytest.raises(SourceError) as caught:
        read_source(source, options=ReadOptions(text_column="words"))
    golden(caught.value)


def test_the_field_of_a_json_record_can_be_named(tmp_path: Path, golden: Golden) -> None:
    source = write(tmp_path, json.dumps({"text": "no", "Body": "yes"}))
    assert texts(source) == ["no"]
    assert texts(source, BODY) == ["yes"]
    with pytest.raises(SourceError) as caught:
        read_source(source, options=ReadOptions(text_column="words"))
    golden(caught.value)


@pytest.mark.parametrize(
    "date",
    [
        '"2024-05-23T16:56:38Z"',
        '"Thu May 23 16:56:38 +0000 2024"',
        "1716483398",
        '"1716483398000"',
        '"5/23/2024 16:56:38"',
        '"2024-05-23 18:56:38 +0200"',
    ],
)
def test_dates_of_every_kind(date: str, tmp_path: Path) -> None:
    (post,) = read_source(write(tmp_path, f'{{"text": "a", "created_at": {date}}}')).posts
    assert post.created == datetime(2024, 5, 23, 16, 56, 38, tzinfo=UTC)


@pytest.mark.parametrize("date", ['""', "null", '"yesterday"', "[]", "1e400", "-1", "true"])
def test_dates_that_are_none(date: str, tmp_path: Path) -> None:
    (post,) = read_source(write(tmp_path, f'{{"text": "a", "created_at": {date}}}')).posts
    assert post.created is None


def test_numbers_as_words_and_words_as_numbers(tmp_path: Path) -> None:
    source = write(tmp_path, '{"text": 2024, "id": 7}\n{"text": "2025", "id": "8"}\n')
    assert [(post.id, post.text) for post in read_source(source).posts] == [
        ("7", "2024"),
        ("8", "2025"),
    ]


def test_half_an_emoji_in_json_is_replaced(tmp_path: Path) -> None:
    assert texts(write(tmp_path, '{"text": "a \\ud83d b", "id": "\\udd26"}')) == ["a \ufffd b"]


def test_posts_are_read_anew_and_side_by_side(tmp_path: Path) -> None:
    posts = read_source(write(tmp_path, "text\none\ntwo\n")).posts
    pairs = [(a.text, b.text) for a, b in zip(posts, posts, strict=True)]
    assert pairs == [("one", "one"), ("two", "two")]
