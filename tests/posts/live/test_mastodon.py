from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import HubUnavailableError, PolicyError, SourceError
from hubtools.core.events import Event, Progress, Reporter
from hubtools.posts.live.http import HttpResponse
from hubtools.posts.live.remote_account import GoneError
from hubtools.posts.post import Account
from hubtools.posts.registry import parse_address, read_source
from hubtools.posts.sources.mastodon_account import find
from tests.posts.conftest import Golden
from tests.posts.live.conftest import Asking
from tests.posts.live.servers import Clock, Mastodon, Reply, serving, status

SOURCE = "mastodon:gull@sea.example"
LATER = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-09-21T15:00:00.000Z"}


def texts(found: Any) -> list[str]:
    return [post.text for post in found.posts]


def test_an_account_and_its_public_posts(asking: Asking) -> None:
    statuses = [
        status(1, visibility="unlisted", content="<p>only by link</p>"),
        status(2, visibility="private", content="<p>for followers</p>"),
        status(3, visibility="direct", content="<p>for one</p>"),
        status(4),
        status(5, reblog={"content": "<p>others' words</p>"}, content="<p>others' words</p>"),
        status(6, in_reply_to_id=status(4)["id"], language="pt-BR"),
        status(7, account={"id": "78"}, content="<p>someone else's</p>"),
        status(8, local_only=True),
    ]
    with serving(Mastodon(statuses)) as served:
        found = read_source(SOURCE, live=asking(served))
    assert found.account == Account(
        network="mastodon",
        handle="gull@sea.example",
        name="Gull on the pier ⚓",
        avatar_url=f"{served.base}/avatars/gull.jpg",
    )
    answer, repost, first = found.posts
    assert (first.text, first.language) == ("The tide came in at 4 & went out again", "en")
    assert first.created == datetime(2026, 8, 5, 13, 52, 34, 108000, UTC)
    assert (repost.repost, repost.text) == (True, "")
    assert (answer.reply_to, answer.language) == (first.id, "pt")
    assert len(found.notes) == 1
    assert all(agent.startswith("hubtools/") for agent in served.agents)


def test_what_is_not_public_is_not_kept_either(asking: Asking, tmp_path: Path) -> None:
    hidden = [status(n, visibility="unlisted", content="<p>hush</p>") for n in range(3)]
    reblog = status(4, reblog={"content": "hush"}, content="hush")
    with serving(Mastodon([*hidden, reblog, status(5)])) as served:
        read_source(SOURCE, live=asking(served))
    kept = [file.read_text() for file in tmp_path.rglob("*.json")]
    assert kept
    assert not any("hush" in text for text in kept)


def test_all_pages_are_read_and_the_same_posts_have_the_same_digest(asking: Asking) -> None:
    statuses = [status(n) for n in range(95)]
    with serving(Mastodon(statuses)) as served:
        found = read_source(SOURCE, live=asking(served))
        assert len(served.asked) == 4  # who it is, and three pages
        assert [post.id for post in found.posts] == [s["id"] for s in reversed(statuses)]
        again = read_source(SOURCE, live=asking(served))
    assert again.digest == found.digest
    assert len(served.asked) == 6  # who it is, and the newest page


def test_a_later_run_asks_only_for_what_is_new(asking: Asking) -> None:
    statuses = [status(n) for n in range(100)]
    network = Mastodon(statuses[:50])
    with serving(network) as served:
        read_source(SOURCE, live=asking(served))
        network.statuses = statuses
        before = len(served.asked)
        found = read_source(SOURCE, live=asking(served))
        assert len(served.asked) - before == 3  # who it is, 40 new, 10 new and an end
    assert [post.id for post in found.posts] == [s["id"] for s in reversed(statuses)]


def test_after_a_week_all_is_read_anew_so_that_deleted_posts_go(
    asking: Asking, clock: Clock
) -> None:
    network = Mastodon([status(n) for n in range(60)])
    with serving(network) as served:
        read_source(SOURCE, live=asking(served))
        network.statuses = network.statuses[10:]
        clock.now += 8 * 86_400
        assert len(texts(read_source(SOURCE, live=asking(served)))) == 50


def test_an_interrupted_run_goes_on_where_it_stopped(asking: Asking) -> None:
    statuses = [status(n) for n in range(200)]
    with serving(Mastodon(statuses)) as served:
        reading = asking(served)
        attempts = reading.settings.attempts
        served.faults = {n: Reply({"error": "down"}, 503) for n in range(3, 3 + attempts)}
        with pytest.raises(HubUnavailableError):
            read_source(SOURCE, live=reading)
        before = len(served.asked)
        found = read_source(SOURCE, live=reading)
    assert [post.id for post in found.posts] == [s["id"] for s in reversed(statuses)]
    # Who it is, the three pages that were left, and a look for what is new meanwhile.
    assert len(served.asked) - before == 5


@pytest.mark.parametrize(
    "fault",
    [
        Reply([status(1)], cut=True),
        Reply({"error": "bang"}, 500),
        Reply({"error": "slow down"}, 429, {"Retry-After": "7"}),
    ],
)
def test_what_passes_is_tried_again(asking: Asking, clock: Clock, fault: Reply) -> None:
    with serving(Mastodon([status(n) for n in range(90)])) as served:
        served.faults = {0: fault, 2: fault}
        assert len(texts(read_source(SOURCE, live=asking(served)))) == 90
    assert len(clock.slept) == 2


def test_a_server_is_given_the_time_that_it_asks_for(asking: Asking, clock: Clock) -> None:
    now = "Mon, 21 Sep 2026 14:58:00 GMT"
    with serving(Mastodon([status(1)])) as served:
        served.faults = {1: Reply({"error": "Too many"}, 429, {**LATER, "Date": now})}
        read_source(SOURCE, live=asking(served))
    assert sum(clock.slept) >= 120


def test_a_spent_limit_is_waited_out_before_the_next_request(asking: Asking, clock: Clock) -> None:
    with serving(Mastodon([status(1)])) as served:
        account = Mastodon([status(1)]).account(served.base)
        spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "240"}
        served.faults = {0: Reply(account, headers=spent)}
        read_source(SOURCE, live=asking(served))
    assert clock.slept == [240.5]


def test_a_server_that_asks_for_hours_is_not_waited_for(asking: Asking, clock: Clock) -> None:
    with serving(Mastodon([])) as served:
        served.faults = {0: Reply({}, 429, {"Retry-After": "7200"})}
        with pytest.raises(HubUnavailableError) as caught:
            read_source(SOURCE, live=asking(served))
    assert "120 minutes" in caught.value.what
    assert not clock.slept


@pytest.mark.parametrize(
    ("profile", "setting"),
    [
        ({"indexable": False}, "indexable: false"),
        ({"noindex": True}, "noindex: true"),
        ({"note": "<p>#nobot</p>"}, "#nobot"),
    ],
)
def test_an_opt_out_refuses_before_any_post_is_asked_for(
    asking: Asking, tmp_path: Path, profile: dict[str, Any], setting: str
) -> None:
    network = Mastodon([status(1)])
    with serving(network) as served:
        read_source(SOURCE, live=asking(served))
        network.profile = profile
        before = len(served.asked)
        with pytest.raises(PolicyError) as caught:
            read_source(SOURCE, live=asking(served))
    assert caught.value.where == f"mastodon:gull@sea.example: {served.base}/@gull"
    assert setting in caught.value.what
    assert len(served.asked) == before + 1
    assert not list(tmp_path.rglob("*.json")), "what was kept from before goes as well"


def test_who_it_is_can_be_refused_before_any_post_is_asked_for(asking: Asking) -> None:
    def deny(account: Account) -> None:
        raise PolicyError(f"not {account.handle}")

    with (
        serving(Mastodon([status(1)])) as served,
        pytest.raises(PolicyError, match=r"not gull@sea\.example"),
    ):
        read_source(SOURCE, live=replace(asking(served), allow=deny))
    assert len(served.asked) == 1


def test_an_account_that_is_not_there(asking: Asking) -> None:
    with (
        serving(Mastodon([])) as served,
        pytest.raises(GoneError) as caught,
    ):
        read_source("mastodon:nobody@sea.example", live=asking(served))
    assert caught.value.where == "mastodon:nobody@sea.example"


def test_an_account_without_public_posts(asking: Asking, golden: Golden) -> None:
    hidden = [status(n, visibility="unlisted") for n in range(50)]
    with serving(Mastodon(hidden)) as served, pytest.raises(SourceError) as caught:
        read_source(SOURCE, live=asking(served))
    golden(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        Reply({"error": "This method requires an authenticated user"}, 401),
        Reply({"error": "odd"}, 422),
        Reply([1, 2]),
        Reply({"username": "gull"}),
        Reply({"id": "77", "suspended": True}),
    ],
)
def test_an_unusable_response_is_an_error(asking: Asking, fault: Reply, golden: Golden) -> None:
    with serving(Mastodon([])) as served:
        served.faults = {0: fault}
        with pytest.raises(SourceError) as caught:
            read_source(SOURCE, live=asking(served))
    golden(caught.value)


def test_odd_pages_are_no_reason_to_fail(asking: Asking) -> None:
    odd = ["text", None, {}, status(3, id=5), status(2, content=None, created_at=7), status(1)]
    with serving(Mastodon([])) as served:
        served.faults = {1: Reply(odd), 2: Reply([])}
        assert texts(read_source(SOURCE, live=asking(served)))[0] == ""


def test_a_server_that_repeats_a_page_ends_the_walk(asking: Asking) -> None:
    page = [status(n) for n in range(40, 0, -1)]
    with serving(lambda _: lambda path, _q: Reply(_account() if "lookup" in path else page)) as s:
        assert len(texts(read_source(SOURCE, live=asking(s)))) == 40
    assert len(s.asked) == 3


def _account() -> dict[str, Any]:
    return Mastodon([]).account("http://127.0.0.1")


def test_without_a_link_header_the_walk_ends_with_an_empty_page(asking: Asking) -> None:
    with serving(Mastodon([status(n) for n in range(95)], link=False)) as served:
        assert len(texts(read_source(SOURCE, live=asking(served)))) == 95


def test_a_handle_on_another_host_than_its_server_is_found(asking: Asking) -> None:
    with serving(Mastodon([status(1)])) as home:

        def pointing(_: Any) -> Any:
            links = [{"rel": "self", "href": f"{home.base}/users/gull"}]
            webfinger = Reply({"subject": "acct:gull@sea.example", "links": links})
            return lambda path, _q: webfinger if "webfinger" in path else Reply({}, 404)

        with serving(pointing) as served, pytest.raises(SourceError) as caught:
            read_source(SOURCE, live=asking(served))
    assert caught.value.where == home.base
    assert served.paths() == ["lookup", "webfinger"]
    assert not home.asked, "loopback was not named by the person"


class FixedResponses:
    """A client for which servers are a table."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, []

    def get(self, url: str, params: Any = None) -> HttpResponse:
        self.asked.append(url)
        found = self.answers.get(url)
        return HttpResponse(200 if found else 404, {}, json.dumps(found).encode(), url)


def test_the_server_behind_a_handle_is_asked_when_its_host_has_none(asking: Asking) -> None:
    links = [{"rel": "other", "href": "x:y"}, {"rel": "self", "href": "https://web.sea.example/u"}]
    client = FixedResponses(
        {
            "https://sea.example/.well-known/webfinger": {"links": links},
            "https://web.sea.example/api/v1/accounts/lookup": _account(),
        }
    )
    remote = find(client, "https://sea.example", parse_address(SOURCE))  # type: ignore[arg-type]
    assert remote.server == "https://web.sea.example"
    assert remote.account.handle == "gull@sea.example"


def test_many_posts_are_never_in_memory_together(asking: Asking) -> None:
    statuses = [status(n, content=f"<p>{n} {'sea ' * 500}</p>") for n in range(3_000)]
    with serving(Mastodon(statuses)) as served:
        tracemalloc.start()
        found = read_source(SOURCE, live=asking(served))
        count = sum(1 for _ in found.posts)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 3_000
    assert peak < 5 << 20  # their JSON is 7 MB


def test_the_command_reads_an_address_and_asks_nobody_who_is_on_the_deny_list(
    tmp_path: Path,
) -> None:
    def stats(source: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hubtools", "posts", "stats", source, "--json"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "HUBTOOLS_CACHE": str(tmp_path / "cache")},
        )  # fmt: skip

    with serving(Mastodon([status(n) for n in range(60)])) as served:
        host = served.base.removeprefix("http://")
        done = stats(f"mastodon:gull@{host}")
        assert done.returncode == 0, done.stderr
        [account] = json.loads(done.stdout)["accounts"]
        assert (account["network"], account["handle"]) == ("mastodon", f"gull@{host}")
        assert account["posts"]["downloaded"] == 60
        (tmp_path / "hubtools.toml").write_text('[consent]\ndeny = "deny.txt"\n')
        (tmp_path / "deny.txt").write_text(f"mastodon:@Gull@{host}\n")
        before = len(served.asked)
        done = stats(f"mastodon:gull@{host}")
    assert done.returncode == 7
    assert "is on the deny list" in done.stderr
    assert len(served.asked) == before


def test_a_page_of_the_copy_that_is_damaged_is_said(asking: Asking, tmp_path: Path) -> None:
    with serving(Mastodon([status(1)])) as served:
        read_source(SOURCE, live=asking(served))
        page = next(tmp_path.rglob("0001-00001.json"))
        page.write_text("{")
        with pytest.raises(SourceError) as caught:
            read_source(SOURCE, live=asking(served))
        assert caught.value.where == str(page)
        page.unlink()
        assert len(texts(read_source(SOURCE, live=asking(served)))) == 1


def test_pages_of_another_server_are_not_mixed_in(asking: Asking) -> None:
    with serving(Mastodon([status(1)])) as first:
        read_source(SOURCE, live=asking(first))
    with serving(Mastodon([status(2)])) as second:
        reading = asking(second)
        other = replace(reading.settings, mastodon=second.base)
        reading = replace(reading, settings=other)
        assert texts(read_source(SOURCE, live=reading)) == [
            "The tide came in at 2 & went out again"
        ]


def test_a_cancelled_reading_stops_between_pages_and_resumes(asking: Asking) -> None:
    cancel = CancelToken()
    pages = []

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            pages.append(event.done)
            cancel.cancel()

    statuses = [status(n) for n in range(200)]
    with serving(Mastodon(statuses)) as served:
        with pytest.raises(CancelledError):
            reading = replace(asking(served), reporter=Reporter((listen,)), cancel=cancel)
            read_source(SOURCE, live=reading)
        assert served.paths() == ["lookup", "statuses"]
        assert len(texts(read_source(SOURCE, live=asking(served)))) == 200
    assert pages == [40.0]


def test_a_wait_ends_when_the_reading_is_cancelled(asking: Asking) -> None:
    cancel = CancelToken()
    with serving(Mastodon([])) as served:
        served.faults = {0: Reply({}, 429, {"Retry-After": "600"})}
        reading = asking(served)
        settings = replace(reading.settings, sleep=lambda seconds: cancel.cancel())
        with pytest.raises(CancelledError):
            read_source(SOURCE, live=replace(reading, settings=settings, cancel=cancel))
    assert len(served.asked) == 1
