"""Faults on request, as the unmodified client meets them over HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import _http

from hubtools.localhub.faults import (
    EXPIRED_TOKEN,
    Call,
    Cut,
    Fault,
    Faults,
    Mix,
    Respond,
    Stall,
)
from hubtools.localhub.limits import limit_headers
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId
from tests.localhub.conftest import check_consistency

REPO = RepoId("me", "poet")
COMMIT = "/api/models/me/poet/commit/*"
LISTING = "/api/models"


@contextmanager
def faulty(root: Path, *faults: Fault, seed: int = 0) -> Iterator[tuple[HfApi, Faults]]:
    """A client of a Hub with one repository and these faults."""
    with closing(Store(root)) as store:
        store.create(REPO, author="me")
    plan = Faults(*faults, seed=seed)
    with serving(root, faults=plan) as url:
        yield HfApi(endpoint=url, token="any"), plan


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited between its attempts; it waits none."""
    slept: list[float] = []
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=slept.append, time=time.time))
    return slept


def _commit(api: HfApi, text: str = "hello", parent: str | None = None) -> str:
    add = CommitOperationAdd("README.md", text.encode())
    return api.create_commit("me/poet", [add], commit_message="x", parent_commit=parent).oid


def _history(root: Path) -> list[str]:
    with closing(Store(root)) as store, store.snapshot() as snapshot:
        repo = snapshot.repo(REPO)
        return [commit.title for commit in snapshot.commits(repo, repo.seq, 100)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_the_client_asks_again_after_a_status(root: Path, status: int, waits: list[float]) -> None:
    fault = Fault(Respond(status), "GET", LISTING, nth=range(1, 4))
    with faulty(root, fault) as (api, faults):
        assert [model.id for model in api.list_models()] == ["me/poet"]
    assert [asked.status for asked in faults.log] == [status] * 3 + [200]
    assert [asked.handled for asked in faults.log] == [None] * 3 + [200]
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("headers", "wait"), [(limit_headers("api", 0, 7, 500, 300), 8), ({"Retry-After": "7"}, 8)]
)
def test_the_client_waits_as_the_headers_say(
    root: Path, headers: dict[str, str], wait: int, waits: list[float]
) -> None:
    with faulty(root, Fault(Respond(429, headers), path=LISTING, nth=(1,))) as (api, _):
        assert len(list(api.list_models())) == 1
    assert waits == [wait]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_commit_is_not_repeated_and_did_not_happen(root: Path, status: int) -> None:
    with faulty(root, Fault(Respond(status), "POST", COMMIT)) as (api, faults):
        with pytest.raises(HfHubHTTPError) as caught:
            _commit(api)
        assert caught.value.response.status_code == status
    assert faults.count("POST", COMMIT) == 1
    assert _history(root) == ["initial commit"]


def test_an_expired_token_is_an_error(root: Path) -> None:
    from_the_third = range(3, 10**9)
    with faulty(root, Fault(EXPIRED_TOKEN, nth=from_the_third)) as (api, _):
        api.whoami()
        api.model_info("me/poet")
        with pytest.raises(HfHubHTTPError, match="is expired") as caught:
            api.model_info("me/poet")
        assert caught.value.response.status_code == 401


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_cut_commit(root: Path, when: str) -> None:
    """The client sees the same each time; whether the commit landed, only the history says."""
    fault = Fault(Cut(when), "POST", COMMIT)  # type: ignore[arg-type]
    with faulty(root, fault) as (api, faults):
        with pytest.raises(httpx2.TransportError):
            _commit(api)
        asked = faults.log[-1]
        assert (asked.status, asked.handled) == (None, None if when == "before" else 200)
        api.model_info("me/poet")
    landed = [] if when == "before" else ["x"]
    assert _history(root) == [*landed, "initial commit"]
    check_consistency(root)


def test_half_an_answer_arrives(root: Path) -> None:
    with faulty(root, Fault(Cut("during"), path="*/resolve/*")) as (api, _):
        got = bytearray()
        url = f"{api.endpoint}/me/poet/resolve/main/.gitattributes"
        with pytest.raises(httpx2.RemoteProtocolError), httpx2.stream("GET", url) as answer:
            assert answer.status_code == 200
            for piece in answer.iter_raw():
                got += piece
        assert len(got) == int(answer.headers["content-length"]) // 2
        with pytest.raises(httpx2.TransportError):
            httpx2.head(url)


def test_a_cut_download_is_finished_by_the_client(
    root: Path, tmp_path: Path, waits: list[float]
) -> None:
    content = bytes(range(256)) * 1000  # less than the client writes at once: it begins anew
    with faulty(root) as (api, faults):
        api.upload_file(path_or_fileobj=content, path_in_repo="w.bin", repo_id="me/poet")
        faults.use(Fault(Cut("during"), "GET", "*/resolve/*", nth=(1,)))
        got = Path(api.hf_hub_download("me/poet", "w.bin", cache_dir=tmp_path / "cache"))
        assert got.read_bytes() == content
        statuses = [asked.status for asked in faults.log if asked.method == "GET"]
        assert statuses[-2:] == [None, 200]


def test_the_client_gives_up_on_a_stall_and_the_commit_lands(root: Path) -> None:
    with faulty(root, Fault(Stall(600), "POST", COMMIT)) as (api, faults):
        line = '{"key":"header","value":{"summary":"late"}}\n'
        line += '{"key":"file","value":{"path":"a","content":"b"}}\n'
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(f"{api.endpoint}/api/models/me/poet/commit/main", content=line, timeout=0.2)
        assert _history(root) == ["initial commit"]
        faults.end_stalls()
        _until(lambda: len(_history(root)) == 2)
    assert _history(root) == ["late", "initial commit"]


def test_a_stall_after_the_commit(root: Path) -> None:
    with faulty(root, Fault(Stall(600, "after"), "POST", COMMIT)) as (api, faults):
        done = threading.Thread(target=_commit, args=(api,))
        done.start()
        _until(lambda: len(_history(root)) == 2)
        assert faults.count("POST", COMMIT) == 0
        faults.end_stalls()
        done.join()
        assert faults.log[-1].status == 200


def test_what_is_stalled_is_done_before_the_server_ends(root: Path) -> None:
    with (
        faulty(root, Fault(Stall(600))) as (api, faults),
        suppress(httpx2.TransportError),
    ):
        httpx2.get(f"{api.endpoint}/api/models", timeout=0.1)
    assert [asked.handled for asked in faults.log] == [200]


def test_a_rival_commits_first(root: Path) -> None:
    with closing(Store(root)) as store:

        def rival(path: str) -> None:
            assert path == "/api/models/me/poet/commit/main"
            store.put(REPO, {"README.md": b"theirs"}, author="rival", title="theirs")

        with faulty(root, Fault(Call(rival), "POST", COMMIT)) as (api, _):
            head = api.model_info("me/poet").sha
            with pytest.raises(HfHubHTTPError) as caught:
                _commit(api, parent=head)
            assert caught.value.response.status_code == 412
    assert _history(root) == ["theirs", "initial commit"]


def test_a_repository_is_deleted_just_before_the_commit(root: Path) -> None:
    with closing(Store(root)) as store:
        fault = Fault(Call(lambda _: store.delete(REPO)), "POST", COMMIT)
        with faulty(root, fault) as (api, faults), pytest.raises(RepositoryNotFoundError):
            _commit(api)
        assert faults.log[-1].status == 404


def test_a_repository_is_renamed_just_before_the_commit(root: Path) -> None:
    """The client follows to the new name, as it does on huggingface.co."""
    new = RepoId("me", "other")
    with closing(Store(root)) as store:
        fault = Fault(Call(lambda _: store.move(REPO, new)), "POST", COMMIT)
        with faulty(root, fault) as (api, faults):
            _commit(api)
        assert [asked.status for asked in faults.log][-2:] == [307, 200]
        with store.snapshot() as snapshot:
            assert snapshot.repo(new).seq == 2


def test_a_callback_that_fails_is_a_500(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(path: str) -> None:
        raise ValueError("the test's own mistake")

    with (
        faulty(root, Fault(Call(fail), nth=(1,))) as (api, faults),
        caplog.at_level(logging.ERROR),
    ):
        assert httpx2.get(f"{api.endpoint}/api/models").status_code == 500
        assert httpx2.get(f"{api.endpoint}/api/models").status_code == 200
    assert [asked.status for asked in faults.log] == [500, 200]
    assert "the test's own mistake" in caplog.text


def test_a_share_hits_the_same_requests_again(tmp_path: Path) -> None:
    storm = Fault(Mix((Respond(500), Respond(503), Cut("before"))), share=0.15)

    def hit(name: str, seed: int) -> list[int | None]:
        with faulty(tmp_path / name, storm, seed=seed) as (api, faults):
            with httpx2.Client(base_url=api.endpoint) as client:
                for n in range(200):
                    with suppress(httpx2.TransportError):
                        client.get(f"/api/models/me/poet/tree/main/{n}")
            return [asked.status for asked in faults.log]

    first, again, other = hit("a", 1), hit("b", 1), hit("c", 2)
    assert first == again != other
    assert set(first) == {404, 500, 503, None}
    assert 15 < len(first) - first.count(404) < 50


def test_in_a_storm_the_log_knows_what_landed(root: Path) -> None:
    """Eight clients at once: every commit that the Hub carried out is in the history, once."""
    storm = Mix((Respond(500), Respond(504), Cut("before"), Cut("during"), Cut("after")))

    def line(n: int) -> str:
        return (
            f'{{"key":"header","value":{{"summary":"{n}"}}}}\n'
            f'{{"key":"file","value":{{"path":"{n}","content":"{n}"}}}}\n'
        )

    def commit(n: int) -> int | None:
        try:
            return client.post(f"{COMMIT[:-1]}main", content=line(n)).status_code
        except httpx2.TransportError:
            return None

    with (
        faulty(root, Fault(storm, share=0.4)) as (api, faults),
        httpx2.Client(base_url=api.endpoint) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        seen = Counter(pool.map(commit, range(80)))
    assert seen == Counter(asked.status for asked in faults.log)
    assert set(seen) == {200, 500, 504, None}
    landed = sum(asked.handled == 200 for asked in faults.log)
    titles = _history(root)
    assert len(set(titles)) == len(titles) == 1 + landed
    assert landed > seen[200]
    check_consistency(root)


def test_another_plan_counts_from_one(root: Path) -> None:
    with faulty(root, Fault(Respond(404), path="*/me/poet", nth=(2,))) as (api, faults):
        api.model_info("me/poet")
        faults.use(Fault(Respond(404), path="*/me/poet", nth=(1,)))
        faults.clear()
        with pytest.raises(HfHubHTTPError):
            api.model_info("me/poet")
        api.model_info("me/poet")
        assert [asked.status for asked in faults.log] == [404, 200]
        with pytest.raises(RepositoryNotFoundError):
            api.model_info("me/nobody")


def test_what_came_is_in_the_log_as_it_was_sent(root: Path) -> None:
    with faulty(root) as (api, faults):
        httpx2.get(f"{api.endpoint}/api/models/me/poet/tree/main/a%2Fb?recursive=true")
        (asked,) = faults.log
        assert (asked.method, asked.path) == ("GET", "/api/models/me/poet/tree/main/a%2Fb")
        assert (asked.query, asked.status, asked.handled) == ("recursive=true", 404, 404)
        assert faults.count("GET", "*/tree/*") == 1
        assert faults.count("POST") == 0


def _until(happened: Callable[[], bool]) -> None:
    while not happened():
        time.sleep(0.01)
