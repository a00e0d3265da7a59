"""What the owner of an X archive can rely on when reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtools.core.errors import SourceError
from hubtools.posts.formats.characters import language_code
from hubtools.posts.post import Account
from hubtools.posts.registry import read_source
from tests.posts.archives import (
    account_js,
    manifest_js,
    member,
    note_js,
    profile_js,
    tweet,
    tweets_js,
    write_folder,
    write_zip,
)
from tests.posts.conftest import Golden

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
PICTURE = "https://pbs.twimg.com/profile_images/77/lamp.png"
Write = Callable[[Path, dict[str, str | bytes]], str]
BOTH = pytest.mark.parametrize("write", [write_zip, write_folder])


def texts(source: str) -> list[str]:
    return [post.text for post in read_source(source).posts]


@BOTH
@pytest.mark.parametrize("prefix", ["data/", "x-2024-06-01/data/", ""])
def test_a_whole_archive_tells_who_wrote_what(write: Write, prefix: str, tmp_path: Path) -> None:
    source = write(
        tmp_path / "archive",
        {
            f"{prefix}tweets.js": tweets_js(tweet("Good morning & <good> luck", 12)),
            f"{prefix}account.js": account_js(),
            f"{prefix}profile.js": profile_js(PICTURE),
            f"{prefix}profile_media/77-lamp.png": PNG,
            f"{prefix}direct-messages.js": "never opened",
        },
    )
    found = read_source(source)
    assert found.account == Account("x", "lampkeeper", "Lamp & Keeper 🔦", PICTURE, PNG)
    (post,) = found.posts
    assert (post.id, post.text) == ("12", "Good morning & <good> luck")
    assert post.created == datetime(2024, 5, 23, 16, 56, 38, tzinfo=UTC)
    assert not post.repost
    assert found.notes == ()
    assert list(found.posts) == [post], "the posts can be gone through again"


def test_members_that_are_not_needed_are_never_opened(tmp_path: Path) -> None:
    """A member with a broken checksum would raise if anything read it."""
    source = write_zip(
        tmp_path / "a.zip",
        {"data/direct-messages.js": "SECRET" * 50, "data/tweets.js": tweets_js(tweet("hello"))},
    )
    file = Path(source)
    data = bytearray(file.read_bytes())
    data[60] ^= 0xFF
    file.write_bytes(data)
    assert texts(source) == ["hello"]


def test_parts_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    parts = {
        f"data/tweets{f'-part{n}' if n else ''}.js": tweets_js(tweet(f"part {n}", n), part=n)
        for n in (10, 2, 0, 1)
    }
    source = write_zip(tmp_path / "a.zip", parts)
    assert texts(source) == ["part 0", "part 1", "part 2", "part 10"]


def test_the_manifest_says_which_files_there_are_and_whose(tmp_path: Path) -> None:
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/manifest.js": manifest_js({"data/tweets.js": 1, "data/tweets-part1.js": 3}),
            "data/tweets.js": tweets_js(tweet("one")),
            "data/tweets-part1.js": tweets_js(tweet("two")),
            "data/tweets-part2.js": "not listed, not read",
        },
    )
    found = read_source(source)
    assert [post.text for post in found.posts] == ["one", "two"]
    assert (found.account.handle, found.account.name) == (
        "fromthemanifest",
        "From the manifest",
    )
    assert len(found.notes) == 1


def test_a_file_that_the_manifest_lists_must_be_there(tmp_path: Path, golden: Golden) -> None:
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/manifest.js": manifest_js({"data/tweets.js": 1, "data/tweets-part1.js": 1}),
            "data/tweets.js": tweets_js(tweet("one")),
        },
    )
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert str(caught.value.where).endswith("data/tweets-part1.js")
    golden(caught.value)


def test_tweets_js_alone_is_enough_and_bare_records_are_read(tmp_path: Path) -> None:
    file = tmp_path / "renamed.txt"
    file.write_text(member("tweet", [tweet("bare, as in 2019")]), encoding="utf-8")
    found = read_source(str(file))
    assert [post.text for post in found.posts] == ["bare, as in 2019"]
    assert found.account == Account("x")
    assert found.digest == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "repost"),
    [
        ("RT @other: as they said", True),
        ("RT if you agree", False),
        ("“RT @other: quoted”", False),
        (".RT @other", False),
    ],
)
def test_a_repost_is_a_text_that_starts_with_rt(text: str, repost: bool, tmp_path: Path) -> None:
    source = write_folder(tmp_path / "a", {"data/tweets.js": tweets_js(tweet(text))})
    (post,) = read_source(source).posts
    assert post.repost is repost


def test_a_long_post_is_completed_from_its_note(tmp_path: Path) -> None:
    whole = "The bell rang < twice &amp; nobody came. " * 20
    other = "Another long text of the same second, which starts in another way. " * 9
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/tweets.js": tweets_js(
                tweet(f"{whole[:275]}… https://t.co/abc", 1), tweet("Unrelated words.", 2)
            ),
            "data/note-tweet.js": member(
                "note_tweet",
                [
                    {"noteTweet": {"createdAt": "2024-05-23T16:56:38.000Z", "core": {"text": text}}}
                    for text in (other, whole)
                ],
            ),
        },
    )
    assert texts(source) == [whole, "Unrelated words."]


def test_a_note_of_another_second_completes_nothing(tmp_path: Path) -> None:
    whole = "The bell rang twice and nobody came. " * 20
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/tweets.js": tweets_js(tweet(f"{whole[:275]}…")),
            "data/note-tweet.js": note_js(whole, "2024-05-23T16:56:39.000Z"),
        },
    )
    assert texts(source) == [f"{whole[:275]}…"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_only_the_last_version_of_an_edited_post_is_kept(
    newest_first: bool, tmp_path: Path
) -> None:
    ids = ["1", "2", "3"]
    control = {"editTweetIds": ids}
    edited = {"edit_info": {"edit": {"initialTweetId": "1", "editControlInitial": control}}}
    versions = [
        tweet("teh first", 1, edit_info={"initial": control}),
        tweet("teh second", 2, **edited),
        tweet("the third", 3, **edited),
        tweet("never edited", 4, edit_info={"initial": {"editTweetIds": ["4"]}}),
    ]
    order = versions[::-1] if newest_first else versions
    source = write_zip(tmp_path / "a.zip", {"data/tweets.js": tweets_js(*order)})
    found = read_source(source)
    assert {post.text for post in found.posts} == {"the third", "never edited"}
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    "handle", ["../../etc/passwd", "two words", "naïve", "a" * 51, "", "line\nbreak"]
)
def test_an_invalid_handle_is_refused(handle: str, tmp_path: Path) -> None:
    source = write_zip(
        tmp_path / "a.zip",
        {"data/tweets.js": tweets_js(tweet("hello")), "data/account.js": account_js(handle)},
    )
    with pytest.raises(SourceError) as caught:
        read_source(source)
    assert str(caught.value.where).endswith("data/account.js")
    assert "'username'" in caught.value.what


@pytest.mark.parametrize(
    ("url", "data", "expected"),
    [
        (PICTURE, b"<html>", (PICTURE, None)),
        ("javascript:alert(1)", PNG, (None, None)),
        ("https://elsewhere.example/other.png", PNG, ("https://elsewhere.example/other.png", None)),
    ],
)
def test_an_avatar_is_a_picture_behind_a_web_address(
    url: str, data: bytes, expected: tuple[str | None, bytes | None], tmp_path: Path
) -> None:
    source = write_zip(
        tmp_path / "a.zip",
        {
            "data/tweets.js": tweets_js(tweet("hello")),
            "data/profile.js": profile_js(url),
            "data/profile_media/77-lamp.png": data,
        },
    )
    account = read_source(source).account
    assert (account.avatar_url, account.avatar) == expected


def test_half_a_surrogate_pair_cannot_reach_a_tokenizer(tmp_path: Path) -> None:
    file = tmp_path / "tweets.js"
    file.write_text('window.YTD.tweets.part0 = [{"full_text": "cut \\ud83d here"}]')
    assert texts(str(file)) == ["cut \ufffd here"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_any_text_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    source = write_zip(
        tmp_path_factory.mktemp("round") / "a.zip",
        {"data/tweets.js": tweets_js(*(tweet(text, n) for n, text in enumerate(written)))},
    )
    assert texts(source) == written


@pytest.mark.parametrize(
    ("said", "code"),
    [("en", "en"), ("pt-BR", "pt"), ("iw", "he"), ("und", None), ("qme", None), ("qu", "qu"),
     ("zxx", None), (None, None), (3, None), ("", None)],
)  # fmt: skip
def test_languages_as_x_writes_them(said: object, code: str | None) -> None:
    assert language_code(said) == code
