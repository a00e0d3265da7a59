"""What somebody with a Bluesky repository, or a dump of the API, can rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import PolicyError, SourceError
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.registry import read_source
from tests.posts.conftest import Golden
from tests.posts.exports import DID, WHEN, bluesky_post, car, commit, repository, varint

POST, REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
PROFILE = "app.bsky.actor.profile/self"
RECORDS: dict[str, dict[str, Any]] = {
    PROFILE: {"$type": "app.bsky.actor.profile", "displayName": "Lamp Keeper"},
    f"{POST}/3aaa": bluesky_post("first", langs=["en"]),
    f"{POST}/3bbb": bluesky_post(
        "answer", reply={"parent": {"uri": f"at://{DID}/{POST}/3aaa"}}, langs=["en", "de"]
    ),
    f"{REPOST}/3ccc": {"$type": REPOST, "subject": {"uri": "at://x"}, "createdAt": WHEN},
    "app.bsky.graph.follow/3ddd": {"$type": "app.bsky.graph.follow", "createdAt": WHEN},
}


def write(tmp_path: Path, data: bytes | str, name: str = "some") -> str:
    file = tmp_path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(file)


def texts(found: AccountPosts) -> list[str]:
    return [post.text for post in found.posts]


def test_a_repository_is_read_as_its_tree_names_it(tmp_path: Path) -> None:
    found = read_source(write(tmp_path, repository(RECORDS)))
    assert found.account == Account("bluesky", None, "Lamp Keeper")
    first, answer, repost = found.posts
    assert (first.id, first.text, first.language, first.reply_to) == ("3aaa", "first", "en", None)
    assert (answer.id, answer.language, answer.reply_to) == ("3bbb", None, "3aaa")
    assert (repost.id, repost.text, repost.repost) == ("repost/3ccc", "", True)
    assert found.notes == ()
    assert list(found.posts) == [first, answer, repost]


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    """A deleted record's block, or a cut export, must not stop the rest."""
    data = repository(RECORDS, without=frozenset((f"{POST}/3aaa", "app.bsky.graph.follow/3ddd")))
    found = read_source(write(tmp_path, data))
    assert texts(found) == ["answer", ""]
    assert len(found.notes) == 1


def test_every_cut_is_refused_or_reads_less(tmp_path: Path) -> None:
    data = repository(RECORDS)
    for size in range(80, len(data)):
        try:
            found = texts(read_source(write(tmp_path, data[:size])))
        except SourceError:
            continue
        assert set(found) <= {"first", "answer", ""}


def test_every_flipped_byte_is_read_the_same_or_refused(tmp_path: Path) -> None:
    data = bytearray(repository(RECORDS))
    for place in range(0, len(data), 2):
        flipped = bytearray(data)
        flipped[place] ^= 0x55
        try:
            found = texts(read_source(write(tmp_path, bytes(flipped))))
        except SourceError:
            continue
        assert set(found) <= {"first", "answer", ""}, place


@pytest.mark.parametrize(
    "data",
    [
        car(b"\x01\x71\x12\x20" + b"r" * 32, []),
        repository({PROFILE: RECORDS[PROFILE]}),
        car(b"\x01\x71\x12\x20" + b"r" * 32, []) + b"\xff" * 9,
        car(b"\x01\x71\x12\x20" + b"r" * 32, []) + b"\xff\xff\xff\x7f",
        car(b"\x01\x71\x12\x20" + b"r" * 32, []) + varint(40) + b"\x01\x71\x14\x20" + bytes(36),
    ],
    ids=["no commit", "no posts", "no length", "a huge block", "another hash"],
)
def test_a_repository_without_readable_posts(data: bytes, tmp_path: Path, golden: Golden) -> None:
    with pytest.raises(SourceError) as caught:
        read_source(write(tmp_path, data))
    golden(caught.value)


def test_a_tree_that_is_not_there(tmp_path: Path) -> None:
    import hashlib

    top = commit(b"\x01\x71\x12\x20" + b"n" * 32)
    data = car(b"\x01\x71\x12\x20" + hashlib.sha256(top).digest(), [top])
    with pytest.raises(SourceError):
        read_source(write(tmp_path, data))


def test_a_block_that_does_not_match_its_cid_is_refused(tmp_path: Path) -> None:
    data = repository(RECORDS).replace(b"first", b"worst")
    with pytest.raises(SourceError) as caught:
        read_source(write(tmp_path, data))
    assert ": byte " in str(caught.value.where)


@pytest.mark.parametrize(
    "record",
    [
        {PROFILE: {"labels": {"values": [{"val": "!no-unauthenticated"}]}}},
        {
            "community.lexicon.preference.ai/self": {
                "$type": "community.lexicon.preference.ai",
                "preferences": {"training": {"allow": False}},
            }
        },
    ],
)
def test_an_opt_out_in_the_repository_refuses(
    record: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(PolicyError):
        read_source(write(tmp_path, repository(RECORDS | record)))


def view(text: str, number: int = 1, did: str = DID, **fields: Any) -> dict[str, Any]:
    author = {"did": did, "handle": "keeper.example", "displayName": "Lamp Keeper", "labels": []}
    uri = f"at://{did}/{POST}/{number}"
    return {"uri": uri, "author": author, "record": bluesky_post(text), **fields}


FEED = [
    {"post": view("mine")},
    {"post": view("theirs", 2, "did:plc:other"), "reason": {"$type": "#reasonRepost"}},
    {"post": view("mine too", 3), "reply": {"parent": view("theirs", 4, "did:plc:other")}},
]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"feed": FEED, "cursor": "x"}),
        json.dumps([{"feed": FEED[:1]}, {"feed": FEED[1:], "cursor": None}]),
        json.dumps({"feed": FEED[:1]}) + "\n" + json.dumps({"feed": FEED[1:]}),
        json.dumps(FEED),
        "\n".join(map(json.dumps, FEED)),
        json.dumps([item["post"] for item in FEED if "reason" not in item]),
    ],
)
def test_a_feed_holds_its_authors_own_posts(data: str, tmp_path: Path) -> None:
    found = read_source(write(tmp_path, data))
    assert found.account == Account("bluesky", "keeper.example", "Lamp Keeper")
    assert [(post.id, post.text) for post in found.posts] == [("1", "mine"), ("3", "mine too")]


def test_a_feed_of_two_authors_asks_which(tmp_path: Path) -> None:
    other = view("theirs", 2, "did:plc:other")
    other["author"]["handle"] = "mate.example"
    source = write(tmp_path, json.dumps({"feed": [{"post": view("mine")}, {"post": other}]}))
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert str(caught.value.fix).endswith("#keeper.example")
    assert texts(read_source(f"{source}#did:plc:other")) == ["theirs"]
    assert texts(read_source(f"{source}#mate.example")) == ["theirs"]


def test_records_with_their_addresses(tmp_path: Path) -> None:
    records = [
        {"uri": f"at://{DID}/{POST}/{n}", "cid": "x", "value": bluesky_post(f"post {n}")}
        for n in range(3)
    ]
    records.append({"uri": f"at://{DID}/{REPOST}/9", "value": {"$type": REPOST}})
    for data in (json.dumps({"records": records}), json.dumps(records)):
        found = read_source(write(tmp_path, data))
        assert found.account == Account("bluesky")
        assert [post.id for post in found.posts] == ["0", "1", "2"]


def test_a_link_that_is_shown_shortened_is_written_out(tmp_path: Path) -> None:
    text = "🔦 see light.example/a-long-... now"
    facet = {
        "index": {"byteStart": 9, "byteEnd": 9 + len("light.example/a-long-...")},
        "features": [{"uri": "https://light.example/a-long-way"}],
    }
    source = write(tmp_path, json.dumps([bluesky_post(text, facets=[facet])]))
    assert texts(read_source(source)) == ["🔦 see https://light.example/a-long-way now"]


def test_the_label_of_an_author_refuses(tmp_path: Path) -> None:
    item = view("mine")
    item["author"]["labels"] = [{"val": "!no-unauthenticated"}]
    with pytest.raises(PolicyError):
        read_source(write(tmp_path, json.dumps({"feed": [{"post": item}]})))


@pytest.mark.parametrize(
    ("file", "account", "posts", "reposts", "pictures", "notes"),
    [
        ("paul_staging.repo.car", Account("bluesky", None, "Paul"), 101, 15, 14, 0),
        ("fakermaker.repo.car", Account("bluesky", None, "Herminia Schroeder"), 26, 15, 0, 0),
        ("attie.car", Account("bluesky"), 1, 0, 0, 1),
        ("app_bsky_feed_post.json", Account("bluesky"), 3, 0, 0, 0),
    ],
)
def test_real_files(
    file: str,
    account: Account,
    posts: int,
    reposts: int,
    pictures: int,
    notes: int,
    shared_data: Path,
) -> None:
    """Posts that are only a picture have no text."""
    found = read_source(str(shared_data / "bluesky" / file))
    every = list(found.posts)
    assert found.account == account
    assert sum(not post.repost and not post.text for post in every) == pictures
    assert len(every) == posts + reposts
    assert sum(post.repost for post in every) == reposts
    assert len(found.notes) == notes
    assert all(post.created for post in every)


def test_a_real_feed_of_the_sdk(shared_data: Path) -> None:
    source = shared_data / "bluesky" / "author_feed_sdk_snake_case.json"
    found = read_source(str(source))
    assert found.account.handle == "profgalloway.com"
    assert len(list(found.posts)) == 9
    assert all(post.created and post.language for post in found.posts)


@pytest.mark.parametrize("file", ["greenground.repo.car", "snarfed2.car"])
def test_real_repositories_without_posts(file: str, shared_data: Path) -> None:
    with pytest.raises(SourceError):
        read_source(str(shared_data / "bluesky" / file))
