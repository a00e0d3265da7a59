"""Rate limits, as the headers say them and the unmodified client reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import parse_ratelimit_headers

from hubtools.localhub.access import Access
from hubtools.localhub.faults import Fault, Faults, Respond
from hubtools.localhub.limits import RateLimits, bucket_of
from hubtools.localhub.server import serving


class Clock:
    """Time that passes when the test says so."""

    now = 1_700_000_123.25  # 23.25 s into a window of 100 s

    def __call__(self) -> float:
        return self.now


@contextmanager
def limited(
    root: Path, *, api: int = 3, access: Access | None = None, faults: Faults | None = None
) -> Iterator[tuple[str, Clock]]:
    clock = Clock()
    limits = RateLimits(api=api, resolvers=2, pages=1, window=100, clock=clock)
    with serving(root, access=access or Access(), limits=limits, faults=faults) as url:
        yield url, clock


def test_every_response_has_the_requests_that_are_left(root: Path) -> None:
    with limited(root) as (url, clock):
        for path, left in (("whoami-v2", 2), ("models/me/missing", 1), ("models", 0)):
            answer = httpx2.get(f"{url}/api/{path}")
            assert answer.headers["RateLimit"] == f'"api";r={left};t=77'
            assert answer.headers["RateLimit-Policy"] == '"fixed window";"api";q=3;w=100'
        clock.now += 70.5
        answer = httpx2.get(f"{url}/api/models")
        assert answer.status_code == 429
        told = parse_ratelimit_headers(answer.headers)
        assert told is not None
        assert (told.resource_type, told.remaining, told.reset_in_seconds) == ("api", 0, 7)
        assert (told.limit, told.window_seconds) == (3, 100)


def test_a_window_is_fixed_and_the_next_one_is_full(root: Path) -> None:
    with limited(root) as (url, clock):
        clock.now += 76.7
        for status in (200, 200, 200, 429):
            assert httpx2.get(f"{url}/api/models").status_code == status
        clock.now += 0.1
        for status in (200, 200, 200, 429):
            assert httpx2.get(f"{url}/api/models").status_code == status
        clock.now -= 3600  # a clock that is set back begins a window too
        assert httpx2.get(f"{url}/api/models").status_code == 200


def test_the_client_names_the_limit(root: Path) -> None:
    with limited(root) as (url, _):
        api = HfApi(endpoint=url, token="any")
        for _ in range(3):
            api.repo_exists("me/m")
        with pytest.raises(HfHubHTTPError, match=r"'api' rate limit.*\n.*after 77 seconds"):
            api.model_info("me/m")


def test_downloads_and_pages_have_budgets_of_their_own(root: Path) -> None:
    with limited(root, api=1) as (url, _):
        for path, statuses in (
            ("/api/models", (200, 429)),
            ("/me/m/resolve/main/README.md", (404, 404, 429)),
            ("/", (200, 429)),
            ("/-/style.css", (200, 200, 200)),
        ):
            assert tuple(httpx2.get(url + path).status_code for _ in statuses) == statuses


def test_every_member_has_a_budget(root: Path) -> None:
    access = Access(token="hf_one", read_token="hf_two")
    with limited(root, api=1, access=access) as (url, _):
        for headers in ({}, {"Authorization": "Bearer hf_one"}, {"Authorization": "Bearer hf_two"}):
            for status in (200, 429):
                answer = httpx2.get(f"{url}/api/models", headers=headers)
                assert answer.status_code == status


def test_a_fault_is_not_counted_and_a_limit_is_in_the_log(root: Path) -> None:
    faults = Faults(Fault(Respond(503), nth=(1,)))
    with limited(root, api=1, faults=faults) as (url, _):
        for status in (503, 200, 429):
            assert httpx2.get(f"{url}/api/models").status_code == status
    assert [asked.status for asked in faults.log] == [503, 200, 429]


def test_without_limits_there_are_no_headers(url: str) -> None:
    assert "RateLimit" not in httpx2.get(f"{url}/api/models").headers


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/models/me/m/commit/main", "api"),
        ("/me/m.git/info/lfs/objects/batch", "api"),
        ("/me/m/resolve/main/a/b.bin", "resolvers"),
        ("/me/m", "pages"),
        ("/-/lfs/0123", None),
    ],
)
def test_buckets(path: str, bucket: str | None) -> None:
    assert bucket_of(path) == bucket
