"""What a Hub and the way to it may do at each request of a run: all arrives, and nothing twice."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubtools.core.errors import HubUnavailableError
from hubtools.localhub.faults import Call, Cut, Fault, Faults, Mix, Respond, Stall
from hubtools.localhub.limits import limit_headers
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.sync.access import resolve_namespace
from hubtools.sync.retry import RetryPolicy
from tests.sync.makers import Place, rival, write_model

IMPATIENT = RetryPolicy(attempts=7, first=0.01, most=0.05, timeout=0.4)
STALL = 0.6  # seconds: longer than that timeout
FAULTS = {
    "429": Respond(429),
    "429 that says when": Respond(429, {"Retry-After": "0"}),
    "429 with a budget": Respond(429, limit_headers("api", 0, 0, 500, 300)),
    "408": Respond(408),
    "500": Respond(500),
    "502": Respond(502, {"Content-Type": "text/html"}, "<html>Bad gateway</html>"),
    "503": Respond(503),
    "504": Respond(504),
    "cut before": Cut("before"),
    "cut during": Cut("during"),
    "cut after": Cut("after"),
    "stalled before": Stall(STALL),
    "stalled after": Stall(STALL, "after"),
}
REQUESTS = {
    "reading": [
        ("GET", "/api/models"),
        ("GET", "/{}/*/resolve/*"),
        ("GET", "/api/models/{}/*/revision/*"),
        ("GET", "/api/models/{}/new"),
    ],
    "making": [("POST", "/api/repos/create"), ("PUT", "/api/models/{}/*/settings")],
    "committing": [("POST", "/api/models/{}/*/commit/*"), ("GET", "/api/models/{}/*/commits/*")],
}
UPLOADS = (
    "/api/models/{}/new/preupload/*",
    "/{}/new.git/info/lfs/objects/batch",
    "/-/lfs/*",
    "/{}/new.git/info/lfs/objects/verify",
    "/api/models/{}/new/commit/*",
    "/api/models/{}/new",
)


@pytest.fixture
def mixed(place: Place) -> Place:
    """Something to create, to update, to retire, with and without a folder, and an edit."""
    for name in ("old", "edited", "retired", "weights"):
        place.card(name)
    write_model(place.root, "weights")
    place.apply()
    for name in ("old", "edited", "weights"):
        place.edit(name, prose="New text.")
    place.edit("retired", state="retired")
    place.put("edited", README="Mine.")
    place.card("new")
    place.forget()
    place.faults.clear()
    return place


def check_all_arrived(place: Place) -> None:
    history = {name: [c.title for c in place.history(name)] for name in place.names()}
    assert history == {
        "new": ["Publish new"],
        "old": ["Update README.md", "Publish old"],
        "weights": ["Update README.md", "Publish weights"],
        "retired": ["Retire retired", "Publish retired"],
        "edited": ["Rival's edit", "Publish edited"],
    }
    assert place.readme("edited") == "Mine."
    assert place.repo("retired").private
    assert "New text." in place.readme("old")


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_at_each_request(mixed: Place, fault: str, requests: str) -> None:
    patterns = [(method, path.format(mixed.namespace)) for method, path in REQUESTS[requests]]
    do = FAULTS[fault]
    mixed.faults.use(*(Fault(do, method, path, nth=(1, 2)) for method, path in patterns))
    done = mixed.apply(policy=IMPATIENT)
    assert mixed.faults.count(*patterns[0]) >= 2, "the fault happened"
    assert (done.applied, len(done.conflicts), done.failed, done.left) == (4, 1, (), 0)
    check_all_arrived(mixed)
    mixed.faults.use()
    assert not mixed.plan().of("create", "update", "retire")


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize("fault", ["429", "500", "503", "cut before", "cut during", "cut after"])
def test_each_fault_while_weights_go_up(
    place: Place, fault: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.utils import _http

    no_wait = SimpleNamespace(sleep=lambda seconds: None, time=time.time)
    monkeypatch.setattr(_http, "time", no_wait)  # of the client's own retries
    place.card("new")
    write_model(place.root, "new")
    place.faults.use(Fault(FAULTS[fault], path=path.format(place.namespace), nth=(1,)))
    done = place.apply()
    assert (done.applied, done.failed) == (1, ()), done
    assert [commit.title for commit in place.history("new")] == ["Publish new"]
    assert place.data("new")["model.safetensors"] == b"weights" * 1000
    place.faults.use()
    assert place.change("new").action == "unchanged"


@pytest.mark.parametrize("path", UPLOADS[:5])
def test_a_stall_while_weights_go_up_is_not_waited_for(
    place: Place, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the client by itself would, for ever."""
    from huggingface_hub.utils import _http, get_session

    no_wait = SimpleNamespace(sleep=lambda seconds: None, time=time.time)
    monkeypatch.setattr(_http, "time", no_wait)
    place.card("new")
    write_model(place.root, "new", path.encode() * 100)
    stalled = path.format(place.namespace)
    place.faults.use(Fault(Stall(1.5), path=stalled, nth=(1,)))
    before = get_session().timeout
    done = place.apply(policy=IMPATIENT)
    assert (done.applied, done.failed) == (1, ()), done
    end = time.monotonic() + 10
    while place.faults.count(path=stalled) < 2:  # what is stalled is in the log when it is over
        assert time.monotonic() < end, "it was sent once, and waited for"
        time.sleep(0.05)
    assert [commit.title for commit in place.history("new")] == ["Publish new"]
    assert get_session().timeout == before


@pytest.mark.parametrize("cut", ["after", "during"])
def test_a_commit_that_landed_though_its_answer_was_lost(place: Place, cut: str) -> None:
    place.card("poet")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(Fault(Cut(cut), "POST", commit, nth=(1,)))  # type: ignore[arg-type]
    done = place.apply()
    assert done.applied == 1
    assert len(place.history("poet")) == 1
    assert place.faults.count("POST", commit) == 1, "it was looked up and not sent again"
    assert done.revisions == {f"{place.namespace}/poet": place.repo("poet").head}


def test_a_landed_commit_and_a_rival_right_after_it(place: Place) -> None:
    """Ours is found below the rival's, and the rival's stays."""
    place.card("poet")
    ns = place.namespace
    place.faults.use(
        Fault(Cut("after"), "POST", f"/api/models/{ns}/poet/commit/*", nth=(1,)),
        Fault(
            Call(rival(place, "poet", README="Mine.")),
            "GET",
            f"/api/models/{ns}/poet/commits/*",
            nth=(1,),
        ),
    )
    done = place.apply()
    assert (done.applied, done.conflicts) == (1, ())
    assert [c.title for c in place.history("poet")] == ["Rival's edit", "Publish poet"]
    assert place.change("poet").action == "conflict"


def test_a_commit_that_lands_while_its_repetition_is_on_the_way(place: Place) -> None:
    """The client gave up on it and finds no commit; only then it lands."""
    place.card("poet")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(Fault(Stall(0.6), "POST", commit, nth=(1,)))
    policy = RetryPolicy(attempts=7, first=0.4, most=0.4, timeout=0.4)
    done = place.apply(policy=policy)
    assert (done.applied, done.error()) == (1, None)
    assert len(place.history("poet")) == 1


def test_what_another_run_has_published_is_not_committed_again(place: Place) -> None:
    """A Hub may make an empty commit of what is there already."""
    place.card("poet")
    with place.session() as other:
        text = other.renderer.render(_card(place, "poet"))
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    done = place.apply(between=lambda: place.put("poet", create=True, README=text))
    assert (done.applied, done.error()) == (1, None)
    assert place.faults.count("POST", commit) == 0
    assert place.change("poet").action == "unchanged"


LOGIN_PAGE = Respond(200, {"Content-Type": "text/html"}, "<html>Please log in</html>")


@pytest.mark.parametrize("answer", [LOGIN_PAGE, Respond(200, {}, "{}"), Respond(200, {}, "null")])
def test_an_address_where_something_else_answers(place: Place, answer: Respond) -> None:
    place.card("poet")
    place.faults.use(Fault(answer))
    with pytest.raises(HubUnavailableError) as caught:
        place.plan()
    assert caught.value.where == f"{place.namespace} on {place.url}"
    assert "--to" in str(caught.value.fix)
    with place.session() as session:
        session.hub.api.token = "hf_any"
        with pytest.raises(HubUnavailableError):
            resolve_namespace(session.hub, session.target, None, writing=True)


def test_a_login_page_in_the_middle_of_a_run(place: Place) -> None:
    """A network's, which answers anything with 200."""
    for name in ("gull", "poet"):
        place.card(name)
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    create = Fault(LOGIN_PAGE, "GET", f"/api/models/{place.namespace}/gull", nth=(1,))
    place.faults.use(Fault(LOGIN_PAGE, "POST", commit, nth=(1,)), create)
    done = place.apply()
    assert done.applied == 1
    (failed,) = done.failed
    assert isinstance(failed.cause, HubUnavailableError)
    assert "--to" in failed.error
    place.faults.use()
    assert place.apply().applied == 1
    for name in ("gull", "poet"):
        assert [one.title for one in place.history(name)] == [f"Publish {name}"]


def test_a_rival_between_two_attempts(place: Place) -> None:
    place.card("poet")
    place.apply()
    place.edit("poet", prose="New.")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(
        Fault(Respond(503), "POST", commit, nth=(1,)),
        Fault(Call(rival(place, "poet", README="Mine.")), "POST", commit, nth=(2,)),
    )
    done = place.apply()
    assert (done.applied, len(done.conflicts)) == (0, 1)
    assert place.readme("poet") == "Mine."


def test_a_hub_that_never_recovers_is_not_asked_for_ever(place: Place) -> None:
    place.card("poet")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(Fault(Respond(500), "POST", commit))
    done = place.apply()
    assert len(done.failed) == 1
    assert place.faults.count("POST", commit) == 7
    place.faults.use()
    assert place.apply().applied == 1
    assert len(place.history("poet")) == 1


@pytest.fixture
def stormy(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "project"
    root.mkdir()
    (root / "hubtools.toml").write_text("")
    faults = Faults(seed=4)
    with closing(Store(tmp_path / "hub")) as store, serving(store.root, faults=faults) as url:
        yield Place(root, store, url, "me", faults)


def test_hundreds_of_repositories_in_a_storm(stormy: Place) -> None:
    """15 % of all requests fail in one way or another, and people edit meanwhile."""
    place, number = stormy, 400
    names = [f"model-{n:04}" for n in range(number)]
    there = names[: number // 2]
    for name in names:
        place.card(name)
    with place.session() as session:
        ours = {n: session.renderer.render(_card(place, n)).encode() for n in there}
    repos = ((place.repo_id(name), {"README.md": ours[name]}) for name in there)
    place.store.create_many(repos, author="me")
    for name in there:
        place.edit(name, prose="New text.")
    edited = set(random.Random(1).sample(there, 50))
    for name in sorted(edited)[:25]:
        place.put(name, README=f"Mine: {name}")
    late = iter(sorted(edited)[25:])

    def edit(path: str) -> None:
        name = next(late, None)
        if name is not None:
            place.put(name, README=f"Mine: {name}")

    storm = Mix(
        (
            Respond(429), Respond(500), Respond(502), Respond(503), Respond(504),
            Cut("before"), Cut("during"), Cut("after"),
        )
    )  # fmt: skip
    place.faults.use(Fault(storm, share=0.15), Fault(Call(edit), "GET", "/me/*/resolve/*"))
    applied = 0
    for _ in range(3):
        done = place.apply(policy=RetryPolicy(attempts=7, first=0.002, most=0.02, timeout=20))
        applied += done.applied
        if not (done.failed or done.left):
            break
    place.faults.use()
    assert place.names() == set(names)
    for name in names:
        titles = [commit.title for commit in place.history(name)]
        if name in edited:
            assert place.readme(name) == f"Mine: {name}"
            assert titles.count("Update README.md") <= 1
        elif name in there:
            assert titles == ["Update README.md", "Add files"]
        else:
            assert titles == [f"Publish {name}"]
    counts = place.plan().counts
    assert (counts["conflict"], counts["unchanged"]) == (50, number - 50)
    failed = [one for one in place.faults.log if one.status not in (200, 307, 404, 409, 412)]
    assert len(failed) > 0.1 * len(place.faults.log)


def _card(place: Place, name: str):  # type: ignore[no-untyped-def]
    from hubtools.cards.card_file import load_card

    return load_card(place.file(name))
