"""The example archive: what its script makes, and what a reader of it may count on."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
COMMITTED = EXAMPLES / "harbourlog.zip"
X_DATE = "%a %b %d %H:%M:%S %z %Y"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        import make_archive

        yield make_archive


@pytest.fixture(scope="module")
def committed() -> dict[str, bytes]:
    with zipfile.ZipFile(COMMITTED) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def value(text: bytes) -> Any:
    return json.loads(text.decode().partition(" = ")[2])


@pytest.fixture(scope="module")
def tweets(committed: dict[str, bytes]) -> list[dict[str, Any]]:
    return [item["tweet"] for item in value(committed["data/tweets.js"])]


@pytest.fixture(scope="module")
def notes(committed: dict[str, bytes]) -> list[dict[str, Any]]:
    return [item["noteTweet"] for item in value(committed["data/note-tweet.js"])]


def edit_ids(tweet: dict[str, Any]) -> list[str]:
    info = tweet["edit_info"]
    control = info["initial"] if "initial" in info else info["edit"]["editControlInitial"]
    return control["editTweetIds"]


def is_retweet(tweet: dict[str, Any]) -> bool:
    return tweet["full_text"].startswith("RT @")


def words(text: str) -> list[str]:
    return [w for w in text.split() if not w.startswith(("@", "#", "https://"))]


def kept(tweets: list[dict[str, Any]]) -> list[str]:
    """Texts that say something, by the rules that any reader would use."""
    return [
        " ".join(w for w in t["full_text"].split() if not w.startswith("@"))
        for t in tweets
        if not is_retweet(t) and len(words(t["full_text"])) >= 3 and edit_ids(t)[-1] == t["id_str"]
    ]


def test_the_committed_zip_is_what_the_script_makes(
    script: ModuleType, committed: dict[str, bytes]
) -> None:
    made = script.members()
    assert list(made) == list(committed)
    different = [
        n for n in made if made[n] != committed[n] and not n.endswith((".png", "manifest.js"))
    ]
    assert not different
    assert script.zipped(made) == script.zipped(script.members())


def test_the_manifest_is_what_the_script_makes_but_for_the_size(
    script: ModuleType, committed: dict[str, bytes]
) -> None:
    made, old = value(script.members()["data/manifest.js"]), value(committed["data/manifest.js"])
    for manifest in (made, old):
        assert int(manifest["archiveInfo"].pop("sizeBytes")) > 1_000_000
    assert made == old


def test_the_avatar_is_the_drawn_one(script: ModuleType, committed: dict[str, bytes]) -> None:
    """Compared by points, with room for another version of the drawing library."""
    from PIL import Image, ImageChops, ImageStat

    name = f"data/profile_media/{script.ACCOUNT_ID}-{script.AVATAR}"
    new, old = (
        Image.open(io.BytesIO(files[name])).convert("RGB")
        for files in (script.members(), committed)
    )
    assert old.size == (400, 400)
    assert max(ImageStat.Stat(ImageChops.difference(new, old)).mean) < 2
    assert len(committed[name]) < 30_000


def test_the_script_writes_where_it_is_told(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "log.zip"
    monkeypatch.setattr("sys.argv", ["make_archive.py", "--out", str(out)])
    script.main()
    assert zipfile.is_zipfile(out)


def test_the_zip_is_small_and_has_one_date_and_one_permission() -> None:
    assert COMMITTED.stat().st_size < 600_000
    with zipfile.ZipFile(COMMITTED) as archive:
        infos = archive.infolist()
    assert {(i.date_time, i.external_attr >> 16) for i in infos} == {
        ((2024, 12, 24, 12, 0, 0), 0o100644)
    }


def test_the_manifest_tells_the_truth(committed: dict[str, bytes]) -> None:
    manifest = value(committed["data/manifest.js"])
    assert manifest["userInfo"]["userName"] == "harbourlog"
    assert manifest["userInfo"]["displayName"] == "Harbour Log ⚓"
    files = [file for kind in manifest["dataTypes"].values() for file in kind["files"]]
    assert {f["fileName"] for f in files} == {
        n for n in committed if n.endswith(".js") and n != "data/manifest.js"
    }
    for file in files:
        body = committed[file["fileName"]]
        assert body.startswith(f"window.{file['globalName']} = ".encode())
        assert len(value(body)) == int(file["count"])


def test_account_and_profile_agree_with_the_picture(committed: dict[str, bytes]) -> None:
    account = value(committed["data/account.js"])[0]["account"]
    assert (account["username"], account["accountDisplayName"]) == ("harbourlog", "Harbour Log ⚓")
    assert account["email"].endswith("@example.com")
    assert "phone" not in " ".join(account).lower()
    address = value(committed["data/profile.js"])[0]["profile"]["avatarMediaUrl"]
    picture = f"data/profile_media/{account['accountId']}-{address.rpartition('/')[2]}"
    assert committed[picture].startswith(b"\x89PNG")


def test_decoys_are_there(committed: dict[str, bytes]) -> None:
    assert b"PRIVATE" in committed["data/direct-messages.js"]
    assert b"192.0.2.4" in committed["data/ip-audit.js"]
    assert b"DELETED" in committed["data/deleted-tweets.js"]


def test_the_mix(tweets: list[dict[str, Any]], notes: list[dict[str, Any]]) -> None:
    replies = [t for t in tweets if t["full_text"].startswith("@") and "in_reply_to_user_id" in t]
    threads = [t for t in tweets if t.get("in_reply_to_screen_name") == "harbourlog"]
    texts = kept(tweets)
    assert len(tweets) == 1510
    assert sum(map(is_retweet, tweets)) == 150
    assert sum(not is_retweet(t) and len(words(t["full_text"])) < 3 for t in tweets) == 120
    assert 180 <= len(replies) <= 220
    assert len(threads) == 16
    assert len(notes) == 8
    assert sum(edit_ids(t)[-1] != t["id_str"] for t in tweets) == 2
    assert len(texts) == 1238
    assert sum(text.startswith("My dream is") for text in texts) >= 60
    assert 75 <= sum(map(len, texts)) / len(texts) <= 105


def test_no_two_kept_posts_are_equal_but_the_planned_ones(tweets: list[dict[str, Any]]) -> None:
    """Not even when one of them wears another hashtag or link."""
    bare = [
        " ".join(re.findall(r"[\w&;']+", re.sub(r"https://\S+|#\w+", "", text)))
        for text in kept(tweets)
    ]
    again = Counter(bare)
    assert Counter(again.values()) == {1: 1218, 2: 10}


def test_every_number_is_a_string_and_every_id_is_its_own(tweets: list[dict[str, Any]]) -> None:
    def numbers(node: Any) -> Iterator[Any]:
        if isinstance(node, dict | list):
            for inner in node.values() if isinstance(node, dict) else node:
                yield from numbers(inner)
        elif isinstance(node, int | float) and not isinstance(node, bool):
            yield node

    assert not list(numbers(tweets))
    assert len({t["id_str"] for t in tweets}) == len(tweets)
    for tweet in tweets:
        assert tweet["id"] == tweet["id_str"]
        assert tweet["id_str"] in edit_ids(tweet)
        made = 1288834974657 + (int(tweet["id_str"]) >> 22)
        assert made / 1000 == datetime.strptime(tweet["created_at"], X_DATE).timestamp()


def test_times_span_the_years_out_of_order(tweets: list[dict[str, Any]]) -> None:
    times = [datetime.strptime(t["created_at"], X_DATE).astimezone(UTC) for t in tweets]
    assert times != sorted(times)
    assert times != sorted(times, reverse=True)
    assert {time.year for time in times} == set(range(2019, 2025))
    assert len(set(times)) == len(times)


def test_every_index_points_to_what_it_says(tweets: list[dict[str, Any]]) -> None:
    seen: Counter[str] = Counter()
    for tweet in tweets:
        text, entities = tweet["full_text"], tweet["entities"]
        assert tweet["display_text_range"] == ["0", str(len(text))]
        for kind, key, sign in (
            ("hashtags", "text", "#"),
            ("user_mentions", "screen_name", "@"),
            ("urls", "url", ""),
        ):
            for entity in entities[kind]:
                start, end = map(int, entity["indices"])
                assert text[start:end] == sign + entity[key]
                seen[kind] += 1
        assert len(entities["urls"]) == text.count("https://")
        assert len(entities["hashtags"]) == text.count("#")
        assert len(entities["user_mentions"]) == text.count("@")
    assert min(seen.values()) > 90


def test_links_lead_to_reserved_names_or_to_a_quoted_post(tweets: list[dict[str, Any]]) -> None:
    targets = [url["expanded_url"] for t in tweets for url in t["entities"]["urls"]]
    quotes = [u for u in targets if re.fullmatch(r"https://x\.com/\w+/status/\d+", u)]
    assert len(quotes) >= 8
    assert all(u.startswith("https://harbourlog.example.org/") for u in targets if u not in quotes)


def test_only_three_characters_are_escaped(tweets: list[dict[str, Any]]) -> None:
    text = "\n".join(t["full_text"] for t in tweets)
    assert set(re.findall(r"&\w+;", text)) == {"&amp;", "&lt;", "&gt;"}
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)


def test_retweets_are_cut_as_x_cuts_them(tweets: list[dict[str, Any]]) -> None:
    cut = [t["full_text"] for t in tweets if is_retweet(t)]
    assert all(re.match(r"RT @\w+: ", text) for text in cut)
    plain = [text.replace("&amp;", "&") for text in cut]
    assert max(map(len, plain)) == 140
    assert {len(text) for text in plain if text.endswith("…")} == {140}
    assert sum(text.endswith("…") for text in plain) > 120


def test_long_posts_meet_their_notes(
    tweets: list[dict[str, Any]], notes: list[dict[str, Any]]
) -> None:
    by_second = {datetime.strptime(t["created_at"], X_DATE): t for t in tweets}
    for note in notes:
        whole = note["core"]["text"]
        short = by_second[datetime.fromisoformat(note["createdAt"])]["full_text"]
        for escaped, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            short = short.replace(escaped, character)
        assert len(whole) > 280
        assert short.endswith("…")
        assert 270 <= len(short) <= 276
        assert whole.startswith(short[:-1])


def test_threads_are_runs_of_own_replies(tweets: list[dict[str, Any]]) -> None:
    own = {t["id_str"]: t for t in tweets}
    parts = [t for t in tweets if t.get("in_reply_to_screen_name") == "harbourlog"]
    answered = {t["in_reply_to_status_id"] for t in parts}
    assert answered <= set(own)
    assert len(answered) == len(parts)
    first = [own[i] for i in answered if "in_reply_to_status_id" not in own[i]]
    assert len(first) == 8


def test_edits_name_both_versions(tweets: list[dict[str, Any]]) -> None:
    own = {t["id_str"]: t for t in tweets}
    later = [t for t in tweets if "edit" in t["edit_info"]]
    assert len(later) == 2
    for tweet in later:
        first, last = (own[i] for i in edit_ids(tweet))
        assert last is tweet
        assert edit_ids(first) == edit_ids(tweet)
        assert tweet["edit_info"]["edit"]["initialTweetId"] == first["id_str"]
        assert first["full_text"] != tweet["full_text"]


def test_emoji_of_several_characters_are_whole(tweets: list[dict[str, Any]]) -> None:
    text = " ".join(t["full_text"] for t in tweets)
    for emoji in ("🐈‍⬛", "🏴‍☠️", "👷🏾‍♀️", "🇦🇶", "👋🏽"):
        assert emoji in text
    assert "\n" in text
