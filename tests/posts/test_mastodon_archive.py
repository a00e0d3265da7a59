"""What the owner of a Mastodon archive can rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtools.core.errors import PolicyError, SourceError
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, Post
from hubtools.posts.registry import read_source
from tests.posts.archives import write_folder, write_zip
from tests.posts.conftest import Golden
from tests.posts.exports import (
    ACTOR,
    FOLLOWERS,
    PUBLIC,
    actor,
    announce,
    note,
    outbox,
    write_tar,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
Write = Callable[[Path, dict[str, str | bytes]], str]


def texts(source: str, options: ReadOptions | None = None) -> list[str]:
    return [post.text for post in read_source(source, options=options).posts]


def write_outbox(tmp_path: Path, *items: object) -> str:
    file = tmp_path / "some.json"
    file.write_text(outbox(*items), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("write", [write_tar, write_zip, write_folder])
@pytest.mark.parametrize("prefix", ["", "archive-2024/", "./"])
def test_an_archive_tells_who_wrote_what(write: Write, prefix: str, tmp_path: Path) -> None:
    source = write(
        tmp_path / "archive",
        {
            f"{prefix}avatar.png": PNG,
            f"{prefix}outbox.json": outbox(
                note(
                    "<p>Good morning</p><p>All is <br>well &amp; lit</p>", inReplyTo="https://a/1"
                ),
                announce(),
                {"type": "Like", "actor": ACTOR, "object": "https://a/2", "to": PUBLIC},
            ),
            f"{prefix}actor.json": actor(),
            f"{prefix}likes.json": "never opened",
        },
    )
    found = read_source(source)
    assert found.account == Account("mastodon", "keeper@light.example", "Lamp Keeper", None, PNG)
    made = datetime(2023, 4, 26, 7, 9, 11, tzinfo=UTC)
    said = Post(f"{ACTOR}/statuses/1", "Good morning\n\nAll is\nwell & lit", made)
    first, repost = found.posts
    assert first == Post(said.id, said.text, made, reply_to="https://a/1")
    assert repost == Post(f"{ACTOR}/statuses/9/activity", "", made, repost=True)
    assert list(found.posts) == [first, repost]


@pytest.mark.parametrize(
    ("to", "cc"),
    [
        ([FOLLOWERS], []),
        ([FOLLOWERS], [ACTOR]),
        (["https://other.example/users/friend"], []),
        (["https://other.example/users/friend"], [FOLLOWERS]),
        ([], []),
        ("https://www.w3.org/ns/activitystreams", []),
    ],
)
def test_what_not_everybody_may_see_never_comes_through(
    to: list[str] | str, cc: list[str], tmp_path: Path
) -> None:
    source = write_outbox(
        tmp_path, note("SECRET", 1, to, cc), note("open", 2), announce(3, FOLLOWERS)
    )
    for unlisted in (False, True):
        found = read_source(source, options=ReadOptions(unlisted=unlisted))
        assert [post.text for post in found.posts] == ["open"]
        assert len(found.notes) == 1 and "2" in found.notes[0]


def test_the_note_counts_when_the_activity_says_more(tmp_path: Path) -> None:
    hidden = note("SECRET", 1)
    hidden["object"]["to"] = [FOLLOWERS]
    unsaid = note("SECRET", 2)
    for table in (unsaid, unsaid["object"]):
        del table["to"], table["cc"]
    assert texts(write_outbox(tmp_path, hidden, unsaid, note("open", 3))) == ["open"]


def test_unlisted_posts_come_when_they_are_asked_for(tmp_path: Path) -> None:
    source = write_outbox(
        tmp_path, note("quiet", 1, [FOLLOWERS], [PUBLIC]), note("open", 2, "as:Public")
    )
    assert texts(source) == ["open"]
    assert texts(source, ReadOptions(unlisted=True)) == ["quiet", "open"]


def test_an_archive_of_private_posts_alone_is_refused(tmp_path: Path, golden: Golden) -> None:
    with pytest.raises(SourceError) as caught:
        read_source(write_outbox(tmp_path, note("SECRET", 1, [FOLLOWERS])))
    golden(caught.value)


def test_an_outbox_alone_names_its_owner_by_the_address(tmp_path: Path) -> None:
    found = read_source(write_outbox(tmp_path, note("open", contentMap={"de": "offen"})))
    assert found.account == Account("mastodon", "keeper@light.example")
    assert [post.language for post in found.posts] == ["de"]


def test_content_warnings_and_the_fallback_of_quotes_are_no_text(tmp_path: Path) -> None:
    html = '<p class="quote-inline">RE: <a href="https://a/1">https://a/1</a></p><p>mine</p>'
    assert texts(write_outbox(tmp_path, note(html, summary="about work"))) == ["mine"]


def test_html_that_never_closes_ends_with_the_text(tmp_path: Path) -> None:
    html = "<p>one<br>two <a href='https://x.example'><span class=\"invisible\">https://"
    assert texts(write_outbox(tmp_path, note(html)))[0].startswith("one\ntwo")


def test_an_opt_out_in_the_archive_refuses(tmp_path: Path) -> None:
    members = {"outbox.json": outbox(note("open")), "actor.json": actor(indexable=False)}
    with pytest.raises(PolicyError) as caught:
        read_source(write_zip(tmp_path / "a.zip", members))
    assert str(caught.value.where).endswith("actor.json")


def test_two_authors_in_one_outbox_ask_which(tmp_path: Path) -> None:
    other = note("theirs", 2)
    other["actor"] = "https://light.example/users/mate"
    source = write_outbox(tmp_path, note("mine"), note("mine", 3), other)
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert str(caught.value.fix).endswith("#keeper@light.example")
    assert texts(f"{source}#mate@light.example") == ["theirs"]


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"a/outbox.json": "{}", "b/outbox.json": "{}"}, "a.tar.gz"),
        ({"outbox.json": "{}"}, "a.tar.gz"),
        ({"outbox.json": ""}, "a.tar.gz"),
        ({"outbox.json": '{"orderedItems": [{"a"'}, "outbox.json:1"),
        ({"outbox.json": '{"orderedItems": [1, null, {}]'}, "outbox.json:1"),
        ({"outbox.json": outbox(note("x" * (1 << 18) + "y"))}, "outbox.json:1"),
        ({"outbox.json": outbox(note("a")), "actor.json": "[]"}, "actor.json"),
        (
            {"outbox.json": outbox(note("a")), "actor.json": actor(preferredUsername="../up")},
            "actor.json",
        ),
    ],
)
def test_an_archive_that_cannot_be_read(
    members: dict[str, str | bytes], where: str, tmp_path: Path, golden: Golden
) -> None:
    with pytest.raises(SourceError) as caught:
        read_source(write_tar(tmp_path / "a.tar.gz", members))
    assert str(caught.value.where).endswith(where)
    golden(caught.value)


def test_a_thousand_levels_are_one_line(tmp_path: Path) -> None:
    deep = '{"orderedItems": [' + '{"object": ' * 100_000
    with pytest.raises(SourceError):
        read_source(write_zip(tmp_path / "a.zip", {"outbox.json": deep}))


def test_an_outbox_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    import tracemalloc

    item = json.dumps(note("<p>" + "words " * 1_000 + "</p>"))
    body = '{"orderedItems": [' + ",".join([item] * 3_000) + "]}"
    source = write_zip(tmp_path / "a.zip", {"outbox.json": body})
    del body
    tracemalloc.start()
    assert sum(1 for _ in read_source(source).posts) == 3_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20


STATUS = {
    "id": "1",
    "created_at": "2023-04-26T07:09:11.000Z",
    "content": "<p>open &amp; lit</p>",
    "visibility": "public",
    "language": "en",
    "account": {"acct": "keeper", "url": "https://light.example/@keeper", "display_name": "Lamp"},
}


def test_statuses_of_the_api(tmp_path: Path) -> None:
    records = [STATUS | {"content": "SECRET", "visibility": seen} for seen in ("private", "direct")]
    records += [STATUS | {"id": "2", "reblog": {"content": "theirs"}}, STATUS]
    records.append(STATUS | {"content": "quiet", "visibility": "unlisted"})
    for number, text in enumerate((json.dumps(records), "\n".join(map(json.dumps, records)))):
        file = tmp_path / str(number)
        file.write_text(text)
        found = read_source(str(file))
        assert found.account == Account("mastodon", "keeper@light.example", "Lamp")
        assert [(p.text, p.repost) for p in found.posts] == [("", True), ("open & lit", False)]
        assert "quiet" in texts(str(file), ReadOptions(unlisted=True))
