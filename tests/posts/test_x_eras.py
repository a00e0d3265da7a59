"""X's archives before 2020, one that a formatter has been through, and what is own in a text."""

from __future__ import annotations

import json
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.registry import read_source
from tests.posts.archives import (
    account_js,
    manifest_js,
    member,
    note_js,
    tweet,
    tweets_js,
    write_folder,
    write_zip,
)
from tests.posts.conftest import Golden

MADE = datetime(2013, 1, 31, 0, 13, 32, tzinfo=UTC)
Write = Callable[[Path, dict[str, str | bytes]], str]


def texts(found: AccountPosts) -> list[str]:
    return [post.text for post in found.posts]


def month(name: str, *tweets: dict[str, Any]) -> str:
    return f"Grailbird.data.tweets_{name} = \n {json.dumps(tweets, indent=2)}"


def old_tweet(text: str, number: int, **fields: Any) -> dict[str, Any]:
    """As the archives of 2012 to 2018 have it."""
    user = {"name": "Lamp Keeper", "screen_name": "lampkeeper", "protected": False}
    made = "2013-01-31 00:13:32 +0000"
    return {"id": number, "text": text, "created_at": made, "user": user, **fields}


GRAILBIRD: dict[str, str | bytes] = {
    "data/js/tweets/2013_02.js": month("2013_02", old_tweet("February &amp; on", 3)),
    "data/js/tweets/2013_01.js": month(
        "2013_01",
        old_tweet("January", 1, in_reply_to_status_id=77),
        old_tweet("theirs", 2, retweeted_status={"id": 5, "text": "theirs"}),
    ),
    "data/js/user_details.js": 'var user_details = {"screen_name": "lampkeeper", "full_name": "L"}',
    "data/js/tweet_index.js": "never opened",
    "index.html": "never opened",
}


@pytest.mark.parametrize("write", [write_zip, write_folder])
@pytest.mark.parametrize("prefix", ["", "archive/"])
def test_an_archive_of_months(write: Write, prefix: str, tmp_path: Path) -> None:
    members = {prefix + name: data for name, data in GRAILBIRD.items()}
    found = read_source(write(tmp_path / "a", members))
    assert found.account == Account("x", "lampkeeper", "L")
    assert tuple(found.posts) == (
        Post("1", "January", MADE, reply_to="77"),
        Post("2", "theirs", MADE, repost=True),
        Post("3", "February & on", MADE),
    )


def test_one_month_alone(tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(bytes(str(GRAILBIRD["data/js/tweets/2013_02.js"]), "utf-8"))
    found = read_source(str(tmp_path / "some"))
    assert found.account == Account("x", "lampkeeper", "Lamp Keeper")
    assert texts(found) == ["February & on"]


def test_the_table_is_read_where_the_months_are_missing(tmp_path: Path) -> None:
    table = (
        '"tweet_id","in_reply_to_status_id","timestamp","text","retweeted_status_id"\n'
        '"1","","2013-01-31 00:13:32 +0000","a &lt;b",""\n'
        '"2","1","2013-01-31 00:13:32 +0000","RT @x: c","9"\n'
    )
    details = {"data/js/user_details.js": GRAILBIRD["data/js/user_details.js"]}
    found = read_source(write_zip(tmp_path / "a.zip", {"tweets.csv": table, **details}))
    assert found.account == Account("x", "lampkeeper", "L")
    assert tuple(found.posts) == (
        Post("1", "a <b", MADE),
        Post("2", "RT @x: c", MADE, repost=True, reply_to="1"),
    )


@pytest.mark.parametrize(
    "members",
    [
        {"data/js/tweets/2013_01.js": "Grailbird.data.tweets_2013_01 = [1]"},
        {"data/js/tweets/2013_01.js": "Grailbird.data.tweets_2013_01 = [{"},
        {"a/tweets.csv": "text\nx\n", "b/tweets.csv": "text\nx\n"},
        {"tweets.csv": "id,body\n1,x\n"},
    ],
    ids=["not a tweet", "cut", "two archives", "no text"],
)
def test_an_old_archive_that_cannot_be_read(
    members: dict[str, str | bytes], tmp_path: Path, golden: Golden
) -> None:
    with pytest.raises(SourceError) as caught:
        read_source(write_zip(tmp_path / "a.zip", members))
    golden(caught.value)


@pytest.mark.parametrize("write", [write_zip, write_folder])
@pytest.mark.parametrize("prefix", ["", "twitter-2019/"])
def test_the_flat_archive_of_2019(write: Write, prefix: str, tmp_path: Path) -> None:
    source = write(
        tmp_path / "a",
        {
            f"{prefix}tweet.js": member("tweet", [tweet("hello", in_reply_to_status_id="5")]),
            f"{prefix}account.js": account_js(),
            f"{prefix}direct-message.js": "never opened",
        },
    )
    found = read_source(source)
    assert found.account.handle == "lampkeeper"
    assert [(post.text, post.reply_to) for post in found.posts] == [("hello", "5")]


def test_deleted_posts_and_those_of_a_circle_stay_closed(tmp_path: Path) -> None:
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/tweets.js": tweets_js(tweet("open")),
            "data/deleted-tweets.js": member("deleted_tweets", [{"tweet": tweet("SECRET")}]),
            "data/twitter-circle-tweet.js": member("twitter_circle_tweet", []),
        },
    )
    assert texts(read_source(source)) == ["open"]
    (tmp_path / "x").write_text(member("deleted_tweets", [{"tweet": tweet("SECRET")}]))
    with pytest.raises(SourceError) as caught:
        read_source(str(tmp_path / "x"))
    assert "'deleted_tweets'" in caught.value.what


def formatted(text: str) -> str:
    """As a formatter for JavaScript leaves it: bare keys, single quotes, trailing commas."""
    text = re.sub(r'"(\w+)":', r"\1:", text)
    text = re.sub(r'"full_text: "([^"]*)"', r"full_text: '\1'", text)
    return re.sub(r"([}\]\"])(\n\s*[}\]])", r"\1,\2", text) + ";\n"


def test_an_archive_that_a_formatter_has_been_through(tmp_path: Path) -> None:
    said = [
        'He said: "it\'s, ok: [yes,]"',
        "tab\tand 🔦",
        "key: value, }",
        "// not a comment",
    ] * 300
    records = [tweet(text, number) for number, text in enumerate(said)]
    source = write_folder(
        tmp_path / "a",
        {
            "data/tweets.js": formatted(tweets_js(*records)),
            "data/account.js": formatted(account_js()),
            "data/note-tweet.js": formatted(note_js("long")),
            "data/manifest.js": formatted(manifest_js({"data/tweets.js": 1200})),
        },
    )
    with pytest.raises(ValueError):
        json.loads(formatted(tweets_js(*records)).partition("=")[2].rstrip(";\n"))
    found = read_source(source)
    assert texts(found) == said
    assert found.account.handle == "lampkeeper"


def test_a_large_formatted_archive_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    record = "{ tweet: { id_str: '1', full_text: 'a } brace, a \\'quote\\' %s', }, },\n"
    file = tmp_path / "some"
    with file.open("w") as js:
        js.write("window.YTD.tweets.part0 = [\n")
        js.writelines(record % ("words " * 2_000) for _ in range(1_500))
        js.write("];\n")
    assert file.stat().st_size > 17 << 20
    tracemalloc.start()
    posts = list(islice(read_source(str(file)).posts, 1_490, None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {post.text[:22] for post in posts} == {"a } brace, a 'quote' w"}
    assert peak < 12 << 20


@pytest.mark.parametrize(
    ("js", "line"),
    [
        ("[\n{ tweet: { full_text: 'a' } },\n{ tweet: { full_text: 'b }", 3),
        ("[\n{ tweet: { full_text: 'a' } },\n{ tweet: { full_text: 'b' }", 3),
        ("[\n{ tweet: " + "{ a: " * 5_000 + "1" + " }" * 5_001 + "]", 2),
        ("[\n{ tweet: [" + "/*" * 200_000, 2),
    ],
    ids=["an open quote", "an open brace", "deep", "comments"],
)
def test_a_broken_formatted_archive_is_refused(js: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_text(f"window.YTD.tweets.part0 = {js}")
    with pytest.raises(SourceError) as caught:
        read_source(str(file))
    assert caught.value.where == f"{file}:{line}"


def test_single_quotes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_text("window.YTD.tweets.part0 = [\n{ tweet: { full_text: 'a \"b\" it\\'s', },},\n]")
    assert texts(read_source(str(file))) == ['a "b" it\'s']


def test_what_no_formatter_does_keeps_its_own_error(tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_text('window.YTD.tweets.part0 = [\n{"full_text": "a"},\n{full_text "b"}]')
    with pytest.raises(SourceError) as caught:
        read_source(str(file))
    assert str(caught.value.where).endswith("some:3")
    assert "expecting property name" in caught.value.what


def test_a_text_that_was_cut_says_so(tmp_path: Path) -> None:
    records = [
        tweet("word " * 54 + "word… https://t.co/abc", 1),
        tweet("word " * 26 + "so…", 2),
        tweet("And then…", 3),
    ]
    source = write_zip(tmp_path / "a.zip", {"data/tweets.js": tweets_js(*records)})
    assert [post.truncated for post in read_source(source).posts] == [True, True, False]


def test_a_quote_is_its_own_words(tmp_path: Path) -> None:
    link = {"url": "https://t.co/q", "expanded_url": "https://twitter.com/other/status/5"}
    other = {"url": "https://t.co/o", "expanded_url": "https://light.example/status/5"}
    records = [
        tweet("My words\nhttps://t.co/q", 1, entities={"urls": [link]}),
        tweet("My words https://t.co/o", 2, entities={"urls": [other]}),
        tweet("See https://t.co/q there", 3, entities={"urls": [link]}),
    ]
    source = write_zip(tmp_path / "a.zip", {"data/tweets.js": tweets_js(*records)})
    assert texts(read_source(source)) == [
        "My words",
        "My words https://t.co/o",
        "See https://t.co/q there",
    ]


def test_a_real_archive_says_what_each_post_answers(shared_data: Path) -> None:
    posts = list(read_source(str(shared_data / "x_archive" / "tweets.js")).posts)
    assert len(posts) == 9
    assert all(post.reply_to for post in posts)


def test_a_bomb_beside_the_posts_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: set[str] = set()
    original = zipfile.ZipFile.open

    def spy(self: zipfile.ZipFile, name: Any, *rest: Any, **more: Any) -> Any:
        opened.add(name if isinstance(name, str) else name.filename)
        return original(self, name, *rest, **more)

    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/direct-messages.js": " " * (64 << 20),
            "data/ip-audit.js": "SECRET",
            "data/contact.js": "SECRET",
            "data/tweets.js": tweets_js(tweet("hello")),
        },
    )
    monkeypatch.setattr(zipfile.ZipFile, "open", spy)
    assert texts(read_source(source)) == ["hello"]
    assert opened == {"data/tweets.js"}
