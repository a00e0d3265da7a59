from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import HubUnavailableError, PolicyError, SourceError
from hubtools.posts.live.remote_account import GoneError
from hubtools.posts.post import Account
from hubtools.posts.registry import read_source
from tests.posts.conftest import Golden
from tests.posts.live.conftest import Asking
from tests.posts.live.servers import DID, Bluesky, Clock, Reply, record, serving

SOURCE = "bluesky:tern.bsky.example"
POSTS, REPOSTS = "app.bsky.feed.post", "app.bsky.feed.repost"
PREFERENCE = "community.lexicon.preference.ai"


def posts(count: int) -> dict[str, list[dict[str, Any]]]:
    return {POSTS: [record(n) for n in range(count)]}


def preference(use: str) -> dict[str, list[dict[str, Any]]]:
    said = {use: {"allow": False, "updatedAt": "2026-01-01T00:00:00Z"}}
    scope = {"$type": f"{PREFERENCE}#globalScope"}
    return {PREFERENCE: [record(1, PREFERENCE, scope=scope, preferences=said)]}


def test_an_account_its_posts_and_its_reposts(asking: Asking) -> None:
    link = {"index": {"byteStart": 5, "byteEnd": 20}, "features": [{"uri": "https://a.bc/winds"}]}
    parents = [record(1)["uri"], "at://did:plc:zyxwvutsrqponmlkjihgfedc/app.bsky.feed.post/3kabc"]
    replies = [{"reply": {"parent": {"uri": uri}, "root": {"uri": uri}}} for uri in parents]
    network = Bluesky(
        {
            POSTS: [
                record(1, text="⛵ a.bc/winds...", facets=[{**link, "index": _bytes(4, 17)}]),
                record(2, langs=["de", "en"], **replies[0]),
                record(3, **replies[1]),
            ],
            REPOSTS: [record(1, REPOSTS)],
        }
    )
    with serving(network) as served:
        found = read_source(SOURCE, live=asking(served))
    assert found.account == Account(
        network="bluesky",
        handle="tern.bsky.example",
        name="Tern",
        avatar_url="https://cdn.example/tern.jpg",
    )
    third, second, first, repost = found.posts
    assert first.text == "⛵ https://a.bc/winds"
    assert first.created == datetime(2026, 8, 2, 10, tzinfo=UTC)
    assert (first.language, second.language) == ("en", None)
    assert (second.reply_to, third.reply_to) == (first.id, parents[1])
    assert (repost.repost, repost.text) == (True, "")


def _bytes(start: int, end: int) -> dict[str, int]:
    return {"byteStart": start, "byteEnd": end}


def test_all_pages_then_only_new_ones(asking: Asking) -> None:
    network = Bluesky(posts(250))
    with serving(network) as served:
        assert len(list(read_source(SOURCE, live=asking(served)).posts)) == 250
        network.collections = posts(260)
        before = len(served.asked)
        assert len(list(read_source(SOURCE, live=asking(served)).posts)) == 260
    # Handle, profile, server, preferences; one page of posts, one of reposts.
    assert len(served.asked) - before == 6


def test_an_interrupted_run_goes_on_where_it_stopped(asking: Asking) -> None:
    with serving(Bluesky(posts(450))) as served:
        settings = asking(served)
        served.faults = {n: Reply({}, 502) for n in range(7, 7 + 5)}
        with pytest.raises(HubUnavailableError):
            read_source(SOURCE, live=settings)
        before = len(served.asked)
        found = read_source(SOURCE, live=settings)
    ids = [post.id for post in found.posts]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 450
    # Four questions who it is, two pages left, a look for what is new, and reposts.
    assert len(served.asked) - before == 8


def test_a_limit_in_seconds_since_1970_is_waited_out(asking: Asking, clock: Clock) -> None:
    with serving(Bluesky(posts(1))) as served:
        limits = {"ratelimit-remaining": "0", "ratelimit-reset": str(int(clock.now) + 200)}
        served.faults = {4: Reply({"error": "RateLimitExceeded"}, 429, limits)}
        read_source(SOURCE, live=asking(served))
    assert 200 <= sum(clock.slept) < 210


def test_a_cursor_that_comes_again_ends_the_walk(asking: Asking) -> None:
    with serving(Bluesky(posts(3), loops=True)) as served:
        assert len(list(read_source(SOURCE, live=asking(served)).posts)) == 3
    assert len(served.asked) < 10


@pytest.mark.parametrize(
    ("network", "setting"),
    [
        (Bluesky(posts(1), {"labels": [{"val": "!no-unauthenticated"}]}), "!no-unauthenticated"),
        (Bluesky({**posts(1), **preference("training")}), "'training: allow: false'"),
        (Bluesky({**posts(1), **preference("syntheticContent")}), "'syntheticContent"),
    ],
)
def test_an_opt_out_refuses_before_any_post_is_asked_for(
    asking: Asking, tmp_path: Path, network: Bluesky, setting: str
) -> None:
    with serving(network) as served, pytest.raises(PolicyError) as caught:
        read_source(SOURCE, live=asking(served))
    assert setting in caught.value.what
    assert str(caught.value.where).startswith("bluesky:tern.bsky.example: ")
    assert not any(POSTS in one for one in served.asked)
    assert not list(tmp_path.rglob("*.json"))


def test_a_preference_on_other_things_is_none(asking: Asking) -> None:
    with serving(Bluesky({**posts(1), **preference("inference")})) as served:
        assert read_source(SOURCE, live=asking(served)).account.handle == "tern.bsky.example"


def test_an_account_can_be_named_by_its_did(asking: Asking) -> None:
    with serving(Bluesky(posts(1))) as served:
        found = read_source(f"bluesky:{DID}", live=asking(served))
    assert found.account.handle == "tern.bsky.example"
    assert "resolveHandle" not in str(served.asked)


def test_both_names_are_asked_about(asking: Asking) -> None:
    names: list[str | None] = []
    with serving(Bluesky(posts(1))) as served:
        reading = replace(asking(served), allow=lambda account: names.append(account.handle))
        read_source(SOURCE, live=reading)
    assert names == ["tern.bsky.example", DID]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({1: Reply({"error": "AccountTakedown", "message": "Account is gone"}, 400)}, GoneError),
        ({2: Reply({"message": "DID not registered"}, 404)}, GoneError),
        ({2: Reply({"service": "none"})}, SourceError),
        ({3: Reply({"error": "RepoDeactivated", "message": "off"}, 400)}, GoneError),
        ({4: Reply({"records": "none"})}, SourceError),
        ({4: Reply(body=b"[" * 100_000)}, SourceError),
        ({0: Reply({"did": "did:key:abc"})}, SourceError),
    ],
)
def test_an_unusable_response_is_an_error(
    asking: Asking, fault: dict[int, Reply], kind: type[SourceError], golden: Golden
) -> None:
    with serving(Bluesky(posts(1))) as served:
        served.faults = fault
        with pytest.raises(kind) as caught:
            read_source(SOURCE, live=asking(served))
    golden(caught.value)


def test_a_handle_that_nobody_has(asking: Asking) -> None:
    with (
        serving(Bluesky({})) as served,
        pytest.raises(GoneError) as caught,
    ):
        read_source("bluesky:nobody.bsky.example", live=asking(served))
    assert caught.value.where == "bluesky:nobody.bsky.example"


@pytest.mark.parametrize(
    "server",
    [
        "https://127.0.0.1:9",
        "https://[::ffff:10.0.0.1]",
        "https://169.254.169.254",
        "http://example.com",
        "file:///etc/passwd",
        "https://user@example.com",
    ],
)
def test_a_did_document_leads_into_no_private_network(
    asking: Asking, server: str, golden: Golden
) -> None:
    with serving(Bluesky(posts(1), server=server)) as served:
        with pytest.raises(SourceError) as caught:
            read_source(SOURCE, live=asking(served))
        assert len(served.asked) == 3
    golden(caught.value)
