from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.core.errors import HubUnavailableError, SourceError
from hubtools.posts.live.client import LiveClient
from hubtools.posts.live.guard import AddressGuard
from hubtools.posts.live.http import HttpLimits
from hubtools.posts.live.pacing import seconds_until_allowed, seconds_until_refilled
from hubtools.posts.live.settings import cache_folder
from hubtools.posts.registry import is_live, parse_address
from tests.posts.conftest import Golden
from tests.posts.live.conftest import Asking
from tests.posts.live.servers import Clock, Reply, serving

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("source", "handle"),
    [
        ("mastodon:gull@sea.example", "gull@sea.example"),
        ("mastodon:@Gull@SEA.example", "Gull@sea.example"),
        ("mastodon:gull@127.0.0.1:3000", "gull@127.0.0.1:3000"),
        ("bluesky:@Tern.bsky.social", "tern.bsky.social"),
        ("bluesky:did:plc:abcdefghijklmnopqrstuvwx", "did:plc:abcdefghijklmnopqrstuvwx"),
    ],
)
def test_an_address_names_an_account(source: str, handle: str) -> None:
    assert is_live(source)
    assert parse_address(source).handle == handle


@pytest.mark.parametrize(
    "source",
    [
        "mastodon:",
        "mastodon:gull",
        "mastodon:gull@sea.example/x",
        "mastodon:gull@a@b",
        "mastodon:../x@sea.example",
        "bluesky:tern",
        "bluesky:did:key:z",
        "bluesky:a b.c",
        "bluesky:" + "a." * 4000,
        "mastodon:g@" + "a-" * 4000,
    ],
)
def test_an_invalid_address_is_refused(source: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_address(source)
    assert caught.value.where == source[:200]
    assert caught.value.fix


def test_a_path_is_no_address() -> None:
    assert not is_live("mastodon/outbox.json")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "Mon, 21 Sep 2026 14:15:00 GMT"}, 1_790_000_100 - NOW),
        ({"x-ratelimit-reset": "2026-09-21T14:15:00.500Z"}, 100.5),
        ({"ratelimit-reset": "1790000200"}, 200),
        ({"ratelimit-reset": "12"}, 12),
        ({"ratelimit-reset": "1789999000"}, 0),
        ({"retry-after": "soon", "ratelimit-reset": "5"}, 5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_until_allowed(headers, NOW) == seconds


def test_while_requests_are_left_nobody_waits() -> None:
    assert seconds_until_refilled({"ratelimit-remaining": "1", "ratelimit-reset": "9"}, NOW) == 0
    assert seconds_until_refilled({"ratelimit-remaining": "0", "ratelimit-reset": "9"}, NOW) == 9
    assert seconds_until_refilled({"ratelimit-remaining": "0"}, NOW) == 0


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://sea.example/x", ["10.1.2.3"]),
        ("https://sea.example/x", ["93.184.216.34", "::1"]),
        ("https://sea.example", ["fe80::1%eth0"]),
        ("https://sea.example", ["100.64.0.1"]),
        ("https://sea.example", ["::ffff:192.168.0.1"]),
        ("https://sea.example", ["64:ff9b::10.0.0.1"]),
        ("https://sea.example", ["2002:0a00:0001::1"]),
        ("https://localhost", []),
        ("https://0.0.0.0", []),
        ("http://sea.example", []),
        ("https://sea.example:99999", []),
        ("gopher://sea.example", []),
    ],
)
def test_private_servers_are_not_asked(
    url: str, addresses: list[str], golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceError) as caught:
        AddressGuard(frozenset(), lambda _: addresses).check(url)
    golden(caught.value)
    AddressGuard(frozenset(), lambda _: ["93.184.216.34"]).check("https://sea.example/x")


def test_a_host_that_cannot_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def nowhere(host: str) -> list[str]:
        raise OSError(host)

    with pytest.raises(HubUnavailableError) as caught:
        AddressGuard(frozenset(), nowhere).check("https://sea.example")
    assert caught.value.where == "sea.example"


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1:9/",
        "https://169.254.169.254/latest/meta-data",
        "http://example.com/",
        "/again",
    ],
)
def test_a_redirect_leads_nowhere_that_an_address_would_not(
    asking: Asking, location: str, golden: Golden
) -> None:
    moved = Reply(None, 302, {"Location": location})
    with serving(lambda _: lambda path, query: moved) as served:
        client = LiveClient(asking(served), [served.base])
        with client, pytest.raises(SourceError) as caught:
            client.get(f"{served.base}/x")
    golden(caught.value)


def test_a_server_on_this_machine_must_be_named(asking: Asking) -> None:
    with serving(lambda _: lambda path, query: Reply({})) as served:
        client = LiveClient(asking(served))
        with client, pytest.raises(SourceError) as caught:
            client.get(served.base)
    assert caught.value.where == served.base
    assert not served.asked


def test_a_name_that_resolves_anew_for_the_request_leads_nowhere_either(asking: Asking) -> None:
    """The first look is at what the name resolves to, the second at where the connection went."""

    class Rebinding(AddressGuard):
        def check(self, url: str) -> None:
            pass

    with serving(lambda _: lambda path, query: Reply({"secret": 1})) as served:
        client = LiveClient(asking(served))
        client._http._guard = Rebinding(frozenset(), lambda _: [])
        with client, pytest.raises(SourceError) as caught:
            client.get(served.base)
    assert caught.value.where == served.base


def test_an_answer_that_does_not_end_is_not_read(asking: Asking) -> None:
    with serving(lambda _: lambda path, query: Reply(["x" * 3_000_000])) as served:
        reading = asking(served)
        reading = replace(
            reading, settings=replace(reading.settings, limits=HttpLimits(size=1 << 20))
        )
        client = LiveClient(reading, [served.base])
        with client, pytest.raises(SourceError) as caught:
            client.get(served.base)
    assert caught.value.where == served.base


def test_a_server_that_is_down_is_asked_a_few_times(asking: Asking, clock: Clock) -> None:
    with serving(lambda _: lambda path, query: Reply({})) as served:
        reading = asking(served)
    client = LiveClient(reading, [served.base])
    with client, pytest.raises(HubUnavailableError) as caught:
        client.get(served.base)
    assert "ConnectError" in caught.value.what
    assert clock.slept == [0.75, 1.5, 3.0, 6.0]


def test_where_copies_are_kept() -> None:
    assert cache_folder({"HUBTOOLS_CACHE": "/srv/mine"}) == Path("/srv/mine")
    assert cache_folder({}).name == "hubtools"
