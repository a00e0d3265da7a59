"""What somebody with answers of X's API can rely on: 1.1, 2, and what twarc makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.registry import read_source


def texts(found: AccountPosts) -> list[str]:
    return [post.text for post in found.posts]


def dump(tmp_path: Path, *records: dict[str, Any]) -> str:
    file = tmp_path / "dump"
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return str(file)


def test_api_1_1_says_replies_quotes_and_what_was_cut(tmp_path: Path) -> None:
    user = {"screen_name": "keeper", "profile_image_url_https": "https://x.example/a.png"}
    records = [
        {"id_str": "1", "text": "cut…", "truncated": True, "user": user},
        {"id_str": "2", "text": "cut…", "extended_tweet": {"full_text": "whole"}, "user": user},
        {"id_str": "3", "full_text": "@a yes", "in_reply_to_status_id_str": "1", "user": user},
        {"id_str": "4", "full_text": "own", "is_quote_status": True, "user": user,
         "quoted_status": {"full_text": "theirs", "user": {"screen_name": "other"}}},
    ]  # fmt: skip
    found = read_source(dump(tmp_path, *records))
    assert found.account == Account("x", "keeper", None, "https://x.example/a.png")
    assert [(p.text, p.truncated, p.reply_to) for p in found.posts] == [
        ("cut…", True, None),
        ("whole", False, None),
        ("@a yes", False, "1"),
        ("own", False, None),
    ]


def test_posts_of_a_protected_account_never_come_through(tmp_path: Path) -> None:
    hidden = [
        {"full_text": "SECRET", "user": {"screen_name": "keeper", "protected": True}},
        {"text": "SECRET", "visibility": "private"},
        {"text": "SECRET", "deleted": "true"},
    ]
    found = read_source(dump(tmp_path, *hidden, {"text": "open"}))
    assert texts(found) == ["open"]
    assert len(found.notes) == 1 and "3" in found.notes[0]


def page(*tweets: dict[str, Any]) -> dict[str, Any]:
    users = [
        {"id": "7", "username": "keeper", "name": "Lamp Keeper"},
        {"id": "8", "username": "mate", "name": "Mate"},
    ]
    theirs = [{"id": "99", "author_id": "8", "text": "theirs"}]
    return {"data": list(tweets), "includes": {"users": users, "tweets": theirs}, "meta": {}}


def v2(text: str, number: int, author: str = "7", **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "author_id": author, "text": text, "lang": "en", **fields}


@pytest.mark.parametrize("shape", ["lines", "array", "one"])
def test_pages_of_api_2(shape: str, tmp_path: Path) -> None:
    tweets = [
        v2("a &amp; b", 1, referenced_tweets=[{"type": "replied_to", "id": "5"}]),
        v2("RT @mate: theirs", 2, referenced_tweets=[{"type": "retweeted", "id": "99"}]),
        v2("the start…", 3, note_tweet={"text": "the start and the end"}),
        v2("teh first", 4, edit_history_tweet_ids=["4", "5"]),
        v2("the second", 5, edit_history_tweet_ids=["4", "5"]),
    ]
    if shape == "lines":
        source = dump(tmp_path, page(*tweets[:2]), page(*tweets[2:]))
    else:
        pages: Any = [page(*tweets[:2]), page(*tweets[2:])] if shape == "array" else page(*tweets)
        (tmp_path / "dump").write_text(json.dumps(pages, indent=1))
        source = str(tmp_path / "dump")
    found = read_source(source)
    assert found.account == Account("x", "keeper", "Lamp Keeper")
    assert [(p.id, p.text, p.repost, p.reply_to) for p in found.posts] == [
        ("1", "a & b", False, "5"),
        ("2", "RT @mate: theirs", True, None),
        ("3", "the start and the end", False, None),
        ("5", "the second", False, None),
    ]
    assert len(found.notes) == 1


def test_pages_of_two_authors_ask_which(tmp_path: Path) -> None:
    source = dump(tmp_path, page(v2("mine", 1), v2("theirs", 2, "8"), v2("mine", 3)))
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert "'keeper' (2), 'mate' (1)" in caught.value.what
    assert str(caught.value.fix).endswith("#keeper")
    assert texts(read_source(f"{source}#mate")) == ["theirs"]


def test_pages_that_twarc_has_flattened(tmp_path: Path) -> None:
    author = {"id": "7", "username": "keeper", "name": "Lamp Keeper", "protected": False}
    more = {"author": author, "public_metrics": {"like_count": 3}}
    records = [v2("mine", 1) | more, v2("&lt;3", 2) | more]
    found = read_source(dump(tmp_path, *records))
    assert found.account.handle == "keeper"
    assert texts(found) == ["mine", "<3"]


@pytest.mark.parametrize("file", ["flat.jsonl", "noflat.jsonl"])
def test_real_dumps_of_a_search_hold_many_authors(file: str, shared_data: Path) -> None:
    source = str(shared_data / "twarc_v2" / file)
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert " 96 " in caught.value.what
    found = read_source(f"{source}#DWDrummer13")
    assert (found.account.handle, len(list(found.posts))) == ("DWDrummer13", 2)


@pytest.mark.parametrize(
    ("file", "handle"),
    [
        ("edited.jsonl", "wongmjane"),
        ("many_urls.jsonl", "uiuxadrian"),
        ("mentions_tweet.jsonl", "BaldManGamer"),
        ("two_tweets.jsonl", "LachiVeronica"),
    ],
)
def test_real_pages(file: str, handle: str, shared_data: Path) -> None:
    found = read_source(str(shared_data / "twarc_v2" / file))
    assert (found.account.handle, len(list(found.posts))) == (handle, 1)
