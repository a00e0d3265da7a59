"""What somebody with a JSON or CSV dump can rely on when reading it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.post import Account, Post
from hubtools.posts.registry import read_source
from tests.posts.conftest import Golden

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared collection of posts")
MADE = datetime(2024, 5, 23, 16, 56, 38, tzinfo=UTC)


def write(tmp_path: Path, data: str | bytes, name: str = "posts") -> str:
    file = tmp_path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(file)


def as_lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def as_array(records: list[dict[str, Any]]) -> str:
    return "\ufeff" + json.dumps(records, indent=2)


@pytest.mark.parametrize("shape", [as_lines, as_array])
def test_a_dump_of_the_x_api_is_read(shape: Any, tmp_path: Path) -> None:
    user = {"screen_name": "lampkeeper", "name": "Lamp Keeper"}
    records = [
        {"id_str": "1", "full_text": "a &amp; b", "created_at": "2024-05-23 16:56:38+00:00"},
        {"id": 2, "id_str": "2", "full_text": "theirs", "retweeted_status": {"id": 1}},
        {"id_str": "3", "full_text": "RT @them: theirs", "retweeted_status": None},
    ]
    found = read_source(write(tmp_path, shape([r | {"user": user} for r in records])))
    assert found.account == Account("x", "lampkeeper", "Lamp Keeper")
    assert tuple(found.posts) == (
        Post("1", "a & b", MADE),
        Post("2", "theirs", None, repost=True),
        Post("3", "RT @them: theirs", None, repost=True),
    )


def test_plain_json_lines_are_of_no_network(tmp_path: Path) -> None:
    text = "a &amp; b stays: who wrote it is not known to escape"
    found = read_source(write(tmp_path, as_lines([{"text": text}, {"text": None}])))
    assert found.account == Account("file")
    assert tuple(found.posts) == (Post("1", text), Post("2", ""))


@pytest.mark.parametrize(
    ("value", "repost"),
    [("True", True), ("1", True), ("t", True), ("False", False), ("", False), ("nan", False)],
)
def test_a_column_can_say_what_is_a_repost(value: str, repost: bool, tmp_path: Path) -> None:
    found = read_source(write(tmp_path, f"text,is_retweet\nwhat they said,{value}\n"))
    assert [post.repost for post in found.posts] == [repost]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_whatever_separates_it(separator: str, end: str, tmp_path: Path) -> None:
    table = [
        ["id", "Text", "created_at", "username"],
        ["7", '"said ""hello""; then, went"', "2024-05-23T16:56:38Z", "@keeper@light.example"],
        ["8", '"two\nlines"', "no date", "@keeper@light.example"],
    ]
    found = read_source(write(tmp_path, end.join(separator.join(cells) for cells in table)))
    assert found.account == Account("file", "keeper@light.example")
    assert tuple(found.posts) == (
        Post("7", 'said "hello"; then, went', MADE),
        Post("8", "two\nlines", None),
    )


@pytest.mark.parametrize(
    ("url", "network"),
    [
        ("https://x.com/keeper/status/99", "x"),
        ("https://twitter.com/keeper/status/99", "x"),
        ("https://twitter.com/keeper", "file"),
        ("https://not-x.com/keeper/status/99", "file"),
        ("", "file"),
    ],
)
def test_the_network_is_x_only_when_the_table_shows_it(
    url: str, network: str, tmp_path: Path
) -> None:
    found = read_source(write(tmp_path, f"text,url,user\nhello,{url},keeper\n"))
    assert (found.account.network, found.account.handle) == (network, "keeper")
    assert next(iter(found.posts)).id == ("99" if network == "x" else "2")


def test_two_authors_in_one_file_are_named(tmp_path: Path, golden: Golden) -> None:
    source = write(tmp_path, "text,username\nhello,keeper\nhello,Keeper\nhi,bosun\n")
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert caught.value.where == f"{source}:4"
    golden(caught.value)


def test_one_of_two_authors_can_be_chosen(tmp_path: Path, golden: Golden) -> None:
    source = write(tmp_path, "text,username\nhello,keeper\nhello,Keeper\nhi,bosun\n")
    found = read_source(f"{source}#@Bosun")
    assert (found.source, found.account) == (f"{source}#@Bosun", Account("file", "bosun"))
    assert [post.text for post in found.posts] == ["hi"]
    assert len(found.notes) == 1
    assert found.digest != read_source(f"{source}#keeper").digest
    with pytest.raises(SourceError) as caught:
        read_source(f"{source}#mate")
    golden(caught.value)


def test_a_path_with_a_number_sign_is_a_path_first(tmp_path: Path) -> None:
    assert read_source(write(tmp_path, "text\nhello\n", "posts#1")).account == Account("file")


def test_a_name_in_the_user_column_is_no_handle(tmp_path: Path) -> None:
    found = read_source(write(tmp_path, "text,user\nhello,Lamp Keeper\n"))
    assert found.account == Account("file", None, "Lamp Keeper")


@pytest.mark.parametrize("handle", ["../up", "a/b", "a b", "\u202egnp", "..", "a\\b"])
def test_a_handle_that_leads_elsewhere_is_refused(handle: str, tmp_path: Path) -> None:
    source = write(tmp_path, as_lines([{"text": "hello", "username": handle}]))
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert caught.value.where == f"{source}:1"
    assert "'username'" in caught.value.what


@pytest.mark.parametrize(
    ("data", "text", "notes"),
    [
        ("text\ncafé ☕\n".encode(), "café ☕", 0),
        ("\ufefftext\ncafé ☕\n".encode(), "café ☕", 0),
        (
            b"text\ncaf\xe9 \x93q\x94 \x80 \x81\x8d\x8f\x90\x9d\n",
            "café “q” € \x81\x8d\x8f\x90\x9d",
            1,
        ),
    ],
)
def test_text_is_utf_8_or_windows_1252(data: bytes, text: str, notes: int, tmp_path: Path) -> None:
    found = read_source(write(tmp_path, data))
    assert [post.text for post in found.posts] == [text]
    assert len(found.notes) == notes
    assert all("Windows-1252" in note for note in found.notes)


def test_a_character_across_two_pieces_is_still_utf_8(tmp_path: Path) -> None:
    text = "a" * ((1 << 20) - 6) + "é" * 10
    found = read_source(write(tmp_path, f"[\n{json.dumps({'text': text}, ensure_ascii=False)}]"))
    assert [post.text for post in found.posts] == [text]
    assert found.notes == ()


def test_thousands_of_records_across_pieces_are_all_read(tmp_path: Path) -> None:
    records = [{"id": n, "text": f"{n} " + "words " * (n % 400)} for n in range(5_000)]
    found = read_source(write(tmp_path, as_lines(records)))
    assert [post.text for post in found.posts] == [record["text"] for record in records]


@real_data
@pytest.mark.parametrize(
    ("file", "handle", "posts", "reposts"),
    [
        ("csv/BarackObama_538.csv", "BarackObama", 3207, 351),
        ("csv/realDonaldTrump_538.csv", "realDonaldTrump", 3232, 354),
        ("x_api/dog_rates_full_v11.jsonl", "dog_rates", 783, 139),
        ("x_api/twitter_to_sqlite_tweets.json", "simonw", 3, 1),
        ("x_archive/tweets.js", None, 9, 0),
    ],
)
def test_real_files_are_read_whole(file: str, handle: str | None, posts: int, reposts: int) -> None:
    found = read_source(str(DATA / file))
    every = list(found.posts)
    assert (found.account.network, found.account.handle) == ("x", handle)
    assert (len(every), sum(post.repost for post in every)) == (posts, reposts)
    assert all(post.created for post in every)
