"""Whatever a file holds, it is read or refused with one line."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtools.core.errors import PolicyError, SourceError
from hubtools.posts.registry import read_source
from tests.posts.archives import account_js, note_js, tweet, tweets_js, write_zip
from tests.posts.exports import actor, announce, bluesky_post, note, outbox, repository, write_tar
from tests.posts.test_bluesky_files import FEED, RECORDS
from tests.posts.test_x_api import page, v2
from tests.posts.test_x_eras import GRAILBIRD, formatted, month, old_tweet

KINDS = (
    *("tweets.js", "formatted", "month", "outbox", "feed", "records", "record", "pages", "lines"),
    *("csv", "text", "car", "x.zip", "old.zip", "mastodon.zip", "mastodon.tar.gz", "mastodon.tar"),
)


@cache
def sample(kind: str, folder: Path) -> bytes:
    """A small valid source of each kind."""
    file = folder / kind
    mastodon = {"outbox.json": outbox(note("<p>a</p>"), announce()), "actor.json": actor()}
    plain = {
        "tweets.js": tweets_js(tweet("a"), tweet("b", 2)),
        "formatted": formatted(tweets_js(tweet("a"), tweet("b", 2))),
        "month": month("2013_01", old_tweet("a", 1)),
        "outbox": outbox(note('<p>a <a href="https://b.example">b</a></p>'), announce()),
        "feed": json.dumps({"feed": FEED}),
        "records": json.dumps({"records": [{"uri": "at://did:a/b/1", "value": bluesky_post("a")}]}),
        "record": json.dumps(bluesky_post("a", langs=["en"])),
        "pages": json.dumps(page(v2("a", 1), v2("b", 2))),
        "lines": '{"text": "a", "id": 1}\n{"text": "b", "id": 2, "user": {"screen_name": "k"}}',
        "csv": 'id,text,username\n1,"a ""b""",k\n2,"c\nd",k\n',
        "text": "one\ntwo\n\nthree\n",
    }
    if kind in plain:
        return plain[kind].encode()
    if kind == "car":
        return repository(RECORDS)
    if kind == "x.zip":
        members = {"data/tweets.js": tweets_js(tweet("a")), "data/account.js": account_js()}
        write_zip(file, {**members, "data/note-tweet.js": note_js("a")})
    elif kind == "old.zip":
        write_zip(file, GRAILBIRD)
    elif kind == "mastodon.zip":
        write_zip(file, {**mastodon})
    else:
        write_tar(file, mastodon, "w:gz" if kind.endswith("gz") else "w")
    return file.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def check(folder: Path, data: bytes) -> None:
    (folder / "case").write_bytes(data)
    try:
        found = read_source(str(folder / "case"))
        for post in found.posts:
            assert post.text.encode() is not None
            assert post.id.encode() is not None
    except (SourceError, PolicyError) as error:
        assert "\n" not in str(error)
        assert error.where


SPLICES = st.sampled_from(
    [b"", b"\0", b"\xff", b"\xed\xa0\xbd", b'"', b"'", b"\\", b"\\ud83d", b"[", b"]", b"{", b"}",
     b"null", b"1e999", b"-", b",", b"\n", b"\n\n", b"<", b"&#x110000;", b"<!--", b"[" * 3000,
     b'{"a":' * 3000, b"9" * 5000, "\u2028".encode(), b"\x80", b"=", b"Public", b"\xef\xbb\xbf"]
)  # fmt: skip
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(data=st.data())
def test_a_mutated_source_is_read_or_refused(kind: str, folder: Path, data: st.DataObject) -> None:
    body = bytearray(sample(kind, folder))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        cut = data.draw(st.integers(0, 8))
        body[start : start + cut] = data.draw(SPLICES | st.binary(max_size=4))
    check(folder, bytes(body))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@pytest.mark.parametrize("kind", ["outbox", "feed", "records", "record", "pages"])
@QUICK
@given(data=st.data())
def test_a_source_with_values_of_other_kinds(kind: str, folder: Path, data: st.DataObject) -> None:
    """One value anywhere in a valid document is replaced by anything else that JSON has."""
    document = json.loads(sample(kind, folder))
    places: list[tuple[object, object]] = []

    def collect(value: object) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[call-overload]
        for key, inner in pairs:
            places.append((value, key))
            if isinstance(inner, dict | list):
                collect(inner)

    collect(document)
    for _ in range(data.draw(st.integers(1, 2))):
        table, key = data.draw(st.sampled_from(places))
        table[key] = data.draw(VALUES)  # type: ignore[index]
    check(folder, json.dumps(document).encode())


@QUICK
@given(body=st.binary(max_size=200))
def test_bytes_are_read_or_refused(folder: Path, body: bytes) -> None:
    check(folder, body or b"x")
