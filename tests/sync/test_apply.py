"""Carrying out a plan against a real server: what arrives, what it costs, what it never does."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubtools.core.errors import (
    AccessError,
    CardError,
    ConflictError,
    HubtoolsError,
    HubUnavailableError,
    PartlyDoneError,
)
from hubtools.core.events import Reporter, Task
from hubtools.localhub.faults import Call, Fault, Respond
from hubtools.localhub.limits import limit_headers
from hubtools.services.plan import plan_cards
from hubtools.sync.pacing import Pacer
from hubtools.sync.repo_state import README
from hubtools.sync.retry import RetryPolicy
from tests.sync.makers import Place, apply_in, plan_in, rival, write_model


def fleet(place: Place, number: int = 3) -> list[str]:
    """So many cards, nothing on the Hub yet."""
    names = [f"model-{number}" for number in range(number)]
    for name in names:
        place.card(name)
    return names


def asked(place: Place) -> list[str]:
    """Every request of the log as METHOD and the kind of its path."""
    return [f"{one.method} {_kind(one.path)}" for one in place.faults.log]


def _kind(path: str) -> str:
    for kind in ("commit/main", "commits", "resolve", "preupload", "settings", "revision", "lfs"):
        if f"/{kind}" in path:
            return kind
    return path if path in ("/api/models", "/api/repos/create") else "info"


def test_a_fleet_arrives_once(place: Place) -> None:
    names = fleet(place)
    assert set(place.actions().values()) == {"create"}
    done = place.apply()
    assert (done.applied, done.unchanged, done.error()) == (3, 0, None)
    for name in names:
        assert [commit.title for commit in place.history(name)] == [f"Publish {name}"]
        assert place.readme(name).startswith("---\nlanguage: en\n")
        assert not place.repo(name).private
    assert set(place.actions().values()) == {"unchanged"}
    again = place.apply()
    assert (again.applied, again.unchanged) == (0, 3)


def test_a_private_fleet(place: Place) -> None:
    fleet(place, 1)
    place.apply(private=True)
    assert place.repo("model-0").private


def test_an_empty_repository_is_filled(place: Place) -> None:
    place.card("poet")
    place.put("poet", create=True)
    place.apply()
    assert [commit.title for commit in place.history("poet")] == ["Publish poet"]


def test_nothing_to_do_costs_the_listing(place: Place) -> None:
    fleet(place)
    place.apply()
    place.faults.clear()
    place.apply()
    assert asked(place) == ["GET /api/models"]


def test_without_memory_it_costs_a_download_each(place: Place) -> None:
    fleet(place)
    place.apply()
    place.forget()
    place.faults.clear()
    place.apply()
    assert sorted(asked(place)) == ["GET /api/models", *["GET resolve"] * 3]
    place.faults.clear()
    place.apply()
    assert asked(place) == ["GET /api/models"], "what was read is remembered"


def test_a_changed_card_costs_one_request_more(place: Place) -> None:
    fleet(place)
    place.apply()
    place.edit("model-1", prose="We asked them first.")
    place.faults.clear()
    done = place.apply()
    assert done.applied == 1
    assert asked(place) == ["GET /api/models", "POST commit/main"]
    titles = [commit.title for commit in place.history("model-1")]
    assert titles == ["Update README.md", "Publish model-1"]


def test_a_creation_costs_three(place: Place) -> None:
    fleet(place, 1)
    place.apply()
    assert asked(place) == [
        "GET /api/models",
        "POST /api/repos/create",
        "GET info",
        "POST commit/main",
    ]


def test_the_requests_that_are_reported_are_those_that_were_sent(place: Place) -> None:
    fleet(place)
    write_model(place.root, "model-0")
    with place.session() as session:
        apply_in(session, plan_in(session))
        assert len(session.hub.transport.sent) == len(place.faults.log)


def test_pages_of_the_listing_are_all_read(place: Place) -> None:
    repos = ((place.repo_id(f"m{number}"), {}) for number in range(2500))
    place.store.create_many(repos, author="me")
    place.card("m7")
    plan = place.plan()
    assert plan.counts["extra"] == 2499
    assert plan.counts["create"] == 1
    assert asked(place)[:3] == ["GET /api/models"] * 3


def test_a_page_of_another_host_is_not_asked(place: Place) -> None:
    """The token would go there."""
    link = {"Link": '<http://evil.example/api/models?cursor=x>; rel="next"'}
    place.faults.use(Fault(Respond(200, link, "[]"), path="/api/models"))
    with pytest.raises(HubtoolsError) as caught:
        place.plan()
    assert "evil.example" in caught.value.what
    assert {one.path for one in place.faults.log} == {"/api/models"}


# Edits


def test_an_edit_is_a_conflict_and_stays(place: Place) -> None:
    fleet(place)
    place.apply()
    edited = place.readme("model-1") + "\nI changed this.\n"
    place.put("model-1", README=edited)
    for name in ("model-0", "model-1", "model-2"):
        place.edit(name, prose="New text.")
    done = place.apply()
    assert done.applied == 2
    assert [one.repo for one in done.conflicts] == [f"{place.namespace}/model-1"]
    assert isinstance(done.error(), ConflictError)
    assert place.readme("model-1") == edited
    assert "New text." in place.readme("model-0")


def test_an_edit_is_seen_each_time_and_also_without_changes_here(place: Place) -> None:
    place.card("poet")
    place.apply()
    place.put("poet", README="Mine.")
    assert [place.change("poet").action for _ in range(3)] == ["conflict"] * 3
    place.put("poet", README="Mine, more so.")
    assert place.change("poet").action == "conflict"


def test_an_edit_between_plan_and_apply_is_never_overwritten(place: Place) -> None:
    fleet(place)
    place.apply()
    for name in ("model-0", "model-1", "model-2"):
        place.edit(name, prose="New text.")
    done = place.apply(between=lambda: place.put("model-1", README="Mine."))
    assert (done.applied, len(done.conflicts), done.failed) == (2, 1, ())
    assert isinstance(done.conflicts[0].cause, ConflictError)
    assert place.readme("model-1") == "Mine."
    assert place.change("model-1").action == "conflict"


def test_an_edit_between_creation_and_commit_is_never_overwritten(place: Place) -> None:
    place.card("poet")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(Fault(Call(rival(place, "poet", README="Mine.")), "POST", commit, nth=(1,)))
    done = place.apply()
    assert [one.repo for one in done.conflicts] == [f"{place.namespace}/poet"]
    assert place.readme("poet") == "Mine."


def test_a_repository_that_someone_else_made_meanwhile(place: Place) -> None:
    fleet(place, 2)
    done = place.apply(between=lambda: place.put("model-0", create=True, README="Theirs."))
    assert done.applied == 1
    assert isinstance(done.conflicts[0].cause, ConflictError)
    assert place.readme("model-0") == "Theirs."


def test_an_edit_of_another_file_is_no_conflict(place: Place) -> None:
    place.card("poet")
    place.apply()
    place.put("poet", notes__txt="mine")
    assert place.change("poet").action == "unchanged"
    place.edit("poet", prose="New.")
    assert place.apply().applied == 1
    assert place.data("poet")["notes.txt"] == b"mine"


def test_line_ends_alone_are_no_edit(place: Place) -> None:
    place.card("poet")
    place.apply()
    place.put("poet", README=place.readme("poet").replace("\n", "\r\n"))
    assert place.change("poet").action == "update"


def test_a_readme_that_was_removed_is_put_back(place: Place) -> None:
    place.card("poet")
    place.apply()
    from hubtools.localhub.types import DeleteFile, NewCommit

    gone = NewCommit("rival", "Remove", (DeleteFile(README),))
    place.store.commit(place.repo_id("poet"), gone)
    assert place.change("poet").action == "create"
    place.apply()
    assert [commit.title for commit in place.history("poet")] == [
        "Publish poet", "Remove", "Publish poet",
    ]  # fmt: skip


def test_a_card_that_changes_after_the_plan_is_not_sent(place: Place) -> None:
    fleet(place, 2)
    done = place.apply(between=lambda: place.edit("model-0", prose="Later."))
    assert done.applied == 1
    assert done.failed[0].cause is not None
    assert README in done.failed[0].cause.what
    assert isinstance(done.error(), PartlyDoneError)
    assert place.names() == {"model-1"}
    assert place.apply().applied == 1


# What happens to repositories meanwhile


def changed_meanwhile(place: Place, event: str) -> None:
    repo = place.repo_id("model-0")
    match event:
        case "deleted":
            place.store.delete(repo)
        case "renamed":
            place.store.move(repo, place.repo_id("elsewhere"))
        case "private":
            place.store.configure(repo, private=True, gated=None)
        case "gated":
            place.store.configure(repo, private=False, gated="auto")


@pytest.mark.parametrize("event", ["deleted", "renamed"])
def test_gone_between_plan_and_apply(place: Place, event: str) -> None:
    fleet(place, 2)
    place.apply()
    for name in ("model-0", "model-1"):
        place.edit(name, prose="New text.")
    done = place.apply(between=lambda: changed_meanwhile(place, event))
    assert (done.applied, done.failed) == (1, ())
    assert isinstance(done.conflicts[0].cause, ConflictError)
    if event == "renamed":
        assert "New text." not in place.readme("elsewhere")
        change = place.change("model-0")
        assert change.action == "create", "what is remembered of it was forgotten"
    else:
        assert place.names() == {"model-1"}


def test_a_renamed_repository_is_told_from_a_removed_one(place: Place) -> None:
    fleet(place, 2)
    place.apply()
    changed_meanwhile(place, "renamed")
    change = place.change("model-0")
    assert change.action == "conflict"
    assert "renamed to elsewhere" in change.reason
    place.store.delete(place.repo_id("model-1"))
    change = place.change("model-1")
    assert change.action == "create"
    assert "removed from the Hub" in change.reason


@pytest.mark.parametrize("event", ["private", "gated"])
def test_hidden_between_plan_and_apply_is_no_edit(place: Place, event: str) -> None:
    fleet(place, 2)
    place.apply()
    place.edit("model-0", prose="New text.")
    done = place.apply(between=lambda: changed_meanwhile(place, event))
    assert done.applied == 1
    assert "New text." in place.readme("model-0")
    assert place.repo("model-0").private == (event == "private")


@pytest.mark.parametrize("event", ["deleted", "renamed"])
def test_gone_while_it_is_looked_at(place: Place, event: str) -> None:
    fleet(place, 2)
    place.apply()
    place.forget()
    resolve = f"/{place.namespace}/model-0/resolve/*"
    gone = Call(lambda path: changed_meanwhile(place, event))
    place.faults.use(Fault(gone, path=resolve, nth=(1,)))
    plan = place.plan()
    actions = {change.name: change.action for change in plan.changes}
    assert actions["model-1"] == "unchanged"
    if event == "deleted":
        assert actions["model-0"] == "conflict"
    else:
        assert actions["model-0"] == "unchanged", "it is there, and was as it should be"


def test_what_may_not_be_read_is_a_conflict_and_the_others_go_on(place: Place) -> None:
    fleet(place, 3)
    place.apply()
    place.forget()
    for name in ("model-0", "model-1"):
        place.edit(name, prose="New text.")
    gated = Respond(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
    place.faults.use(Fault(gated, path=f"/{place.namespace}/model-0/resolve/*"))
    done = place.apply()
    assert (done.applied, done.unchanged) == (1, 1)
    assert done.conflicts[0].name == "model-0"
    place.faults.use()
    assert place.change("model-0").action == "update", "it is looked at anew"


# Models with their folders


def test_a_model_goes_up_with_its_card(place: Place) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    done = place.apply()
    assert done.applied == 1
    (commit,) = place.history("poet")
    data = place.data("poet")
    assert data["model.safetensors"] == b"weights" * 1000
    assert data.keys() >= {README, "config.json", "predictions.png", "run.json"}
    assert place.change("poet").action == "unchanged"
    assert commit.title == "Publish poet"


def test_only_what_changed_is_sent(place: Place) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    place.apply()
    place.edit("poet", prose="New.")
    assert list(place.change("poet").files) == [README]
    place.faults.clear()
    place.apply()
    assert asked(place) == ["GET /api/models", "POST commit/main"]
    write_model(place.root, "poet", predictions__png=b"\x89PNG another")
    assert list(place.change("poet").files) == ["predictions.png", "run.json"]
    place.apply()
    assert place.data("poet")["predictions.png"] == b"\x89PNG another"
    assert len(place.history("poet")) == 3


def test_files_that_are_not_the_models_stay_here(place: Place) -> None:
    place.card("poet")
    folder = write_model(place.root, "poet")
    for secret in ("notes.txt", "posts.jsonl", ".env", "optimizer.pt", "README.md"):
        (folder / secret).write_text("private")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "model.safetensors").write_text("private")
    place.apply()
    assert place.data("poet").keys() == {
        ".gitattributes", README, "config.json", "model.safetensors", "predictions.png", "run.json",
    }  # fmt: skip
    assert b"private" not in place.data("poet")[README].splitlines()


def test_a_half_made_folder_sends_its_card_alone(place: Place) -> None:
    place.card("poet")
    folder = write_model(place.root, "poet")
    (folder / "run.json").unlink()
    place.apply()
    assert place.data("poet").keys() == {".gitattributes", README}
    write_model(place.root, "poet")
    change = place.change("poet")
    assert change.action == "update"
    assert "model.safetensors" in change.files
    place.apply()
    assert "model.safetensors" in place.data("poet")


@pytest.mark.parametrize("path", ["model.safetensors", "config.json", "predictions.png"])
def test_edited_files_of_a_model_are_a_conflict(place: Place, path: str) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    place.apply()
    place.store.put(place.repo_id("poet"), {path: b"somebody's"}, author="rival")
    change = place.change("poet")
    assert change.action == "conflict"
    assert change.reason.startswith(f"{path} changed on the Hub")
    assert place.change("poet").action == "conflict", "also when it is looked at again"
    write_model(place.root, "poet", **{path.replace(".", "__"): b"trained anew"})
    assert place.change("poet").action == "conflict"
    done = place.apply()
    assert done.applied == 0
    assert place.data("poet")[path] == b"somebody's"


def test_a_file_of_somebody_else_under_a_name_that_we_need_later(place: Place) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    place.apply()
    place.put("poet", README=place.readme("poet"), vocab__json="theirs")
    assert place.change("poet").action == "unchanged"
    write_model(place.root, "poet", vocab__json=b"ours")
    assert [place.change("poet").action for _ in range(2)] == ["conflict"] * 2
    assert place.apply().applied == 0
    assert place.data("poet")["vocab.json"] == b"theirs"


def test_an_idle_run_reads_no_weights(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.card("poet")
    folder = write_model(place.root, "poet")
    place.apply()
    opened: list[Path] = []
    real = Path.open

    def watched(self: Path, *arguments: object, **more: object) -> object:
        opened.append(self)
        return real(self, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", watched)
    place.faults.clear()
    assert place.apply().unchanged == 1
    assert folder / "model.safetensors" not in opened
    assert asked(place) == ["GET /api/models"]


def test_weights_of_the_same_size_and_time_are_told_apart(place: Place) -> None:
    """A file's time can be set by anybody; the change of it cannot."""
    place.card("poet")
    folder = write_model(place.root, "poet", b"a" * 1000)
    place.apply()
    weights = folder / "model.safetensors"
    times = weights.stat()
    write_model(place.root, "poet", b"b" * 1000)
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "model.safetensors" in place.change("poet").files


def test_weights_without_memory_are_compared_by_the_listing_of_files(place: Place) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    place.apply()
    place.forget()
    place.faults.clear()
    assert place.change("poet").action == "unchanged"
    assert asked(place) == ["GET /api/models", "GET revision"]


def test_a_lost_answer_of_an_upload(place: Place) -> None:
    from hubtools.localhub.faults import Cut

    place.card("poet")
    write_model(place.root, "poet")
    commit = f"/api/models/{place.namespace}/poet/commit/*"
    place.faults.use(Fault(Cut("after"), "POST", commit, nth=(1,)))
    done = place.apply()
    assert (done.applied, done.error()) == (1, None)
    assert len(place.history("poet")) == 1
    assert "model.safetensors" in place.data("poet")


# Tokens


def test_a_token_that_expires_in_the_middle(place: Place) -> None:
    from hubtools.localhub.faults import EXPIRED_TOKEN

    fleet(place, 40)
    place.apply()
    for number in range(40):
        place.edit(f"model-{number}", prose="New.")
    commits = f"/api/models/{place.namespace}/*/commit/*"
    place.faults.use(Fault(EXPIRED_TOKEN, "POST", commits, nth=range(11, 10**9)))
    done = place.apply()
    assert done.applied == 10
    assert isinstance(done.cause, AccessError)
    assert "expired" in str(done.cause)
    assert all(one.repo not in one.error for one in done.failed), "each is named once"
    assert done.left > 0, "it was not tried for every model"
    assert done.applied + done.left + len(done.failed) == 40
    assert isinstance(done.error(), PartlyDoneError)
    place.faults.use()
    assert place.apply().applied == 30
    assert all(len(place.history(f"model-{number}")) == 2 for number in range(40))


def test_a_token_that_may_not_write(place: Place) -> None:
    fleet(place, 20)
    refused = Respond(403, {"X-Error-Message": "you have read access only"})
    place.faults.use(Fault(refused, "POST"))
    done = place.apply()
    assert done.applied == 0
    error = done.error()
    assert isinstance(error, AccessError)
    assert "read access only" in str(error)
    assert place.names() == set()
    assert place.faults.count("POST") < 20


# Pace


def test_it_waits_as_long_as_the_hub_says(place: Place) -> None:
    fleet(place, 2)
    headers = limit_headers("api", 0, 1, 500, 300)
    place.faults.use(Fault(Respond(429, headers), path="/api/repos/create", nth=(1, 2)))
    done = place.apply()
    assert done.applied == 2
    first, *_, last = [one.at for one in place.faults.log if one.path == "/api/repos/create"]
    assert last - first >= 1


def test_a_long_wait_is_reported(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtools.sync.apply._TICK", 0.1)
    monkeypatch.setattr("hubtools.sync.apply._LONG", 0.3)
    told: list[str] = []

    class Told(Reporter):
        @contextmanager
        def task(self, title: str, total: float) -> Iterator[Task]:
            yield SimpleNamespace(advance=lambda done, detail="": told.append(detail))

    fleet(place, 2)
    place.faults.use(Fault(Respond(429, {"Retry-After": "1"}), path="/api/repos/create", nth=(1,)))
    with place.session(reporter=Told()) as session:
        done = apply_in(session, plan_in(session))
    assert done.applied == 2
    assert any(re.fullmatch(r"waiting [01] s for the rate limit", said) for said in told)
    assert told[-1] == ""


def test_a_budget_that_is_too_small_is_spread_and_not_overrun(
    tmp_path: Path,
) -> None:
    """37 requests with a budget of 15 in each window of a second, and not one 429."""
    from contextlib import closing

    from hubtools.localhub.faults import Faults
    from hubtools.localhub.limits import RateLimits
    from hubtools.localhub.server import serving
    from hubtools.localhub.store import Store

    faults = Faults()
    limits = RateLimits(api=15, window=1, clock=time.monotonic)
    root = tmp_path / "project"
    with closing(Store(tmp_path / "hub")) as store:
        limited = serving(store.root, limits=limits, faults=faults)
        with limited as url:
            place = Place(root, store, url, "me", faults)
            root.mkdir()
            (root / "hubtools.toml").write_text("")
            for number in range(12):
                place.card(f"model-{number}")
            done = place.apply()
    assert done.applied == 12
    statuses = [one.status for one in faults.log]
    assert statuses.count(429) <= 1
    assert len(statuses) <= 39


def test_uploads_of_weights_are_paced_too(tmp_path: Path) -> None:
    """Each takes five requests that are not ours but the client's."""
    from contextlib import closing

    from hubtools.localhub.faults import Faults
    from hubtools.localhub.limits import RateLimits
    from hubtools.localhub.server import serving
    from hubtools.localhub.store import Store

    faults = Faults()
    limits = RateLimits(api=40, window=1, clock=time.monotonic)
    root = tmp_path / "project"
    root.mkdir()
    (root / "hubtools.toml").write_text("")
    with closing(Store(tmp_path / "hub")) as store:
        limited = serving(store.root, limits=limits, faults=faults)
        with limited as url:
            place = Place(root, store, url, "me", faults)
            for name in fleet(place, 12):
                write_model(root, name, name.encode() * 100)
            done = place.apply()
    assert done.applied == 12
    statuses = [one.status for one in faults.log]
    assert len(statuses) > 80, "it is more than two windows have"
    assert statuses.count(429) <= 1


def test_a_wall_clock_that_jumps_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: (-1) ** next(jumps) * 1e9)
    fleet(place)
    place.faults.use(Fault(Respond(503), path="/api/repos/create", nth=(1,)))
    assert place.apply().applied == 3
    assert place.apply().unchanged == 3


@pytest.mark.parametrize("jump", [1e6, -1e6])
def test_a_clock_of_the_pacer_that_jumps(place: Place, jump: float) -> None:
    """A computer that slept, or a clock that was set: no request waits for longer than a window."""
    started, calls = time.monotonic(), 0

    def clock() -> float:
        nonlocal calls
        calls += 1
        return time.monotonic() + (jump if calls > 8 else 0)

    headers = limit_headers("api", 500, 1, 500, 300)
    place.faults.use(Fault(Respond(503, headers), path="/api/repos/create", nth=(1,)))
    fleet(place)
    assert place.apply(pacer=Pacer(clock)).applied == 3
    assert time.monotonic() - started < 60


def test_a_hub_that_is_away_ends_the_run_early(place: Place) -> None:
    fleet(place, 40)
    place.faults.use(Fault(Respond(503), "POST"))
    done = place.apply(policy=RetryPolicy(attempts=2, first=0.01, most=0.01))
    assert isinstance(done.error(), HubUnavailableError)
    assert done.left > 0
    assert place.names() == set()


def test_an_address_where_nobody_answers_is_not_asked_for_long(place: Place) -> None:
    from dataclasses import replace

    nowhere = replace(place, url="http://127.0.0.1:9")
    place.card("poet")
    policy = RetryPolicy(attempts=1000, first=0.01, most=0.01)
    with nowhere.session(policy=policy) as session:
        with pytest.raises(HubUnavailableError) as caught:
            plan_in(session)
        assert caught.value.where == f"{place.namespace} on {nowhere.url}"
        assert len(session.hub.transport.sent) == 4


# Memory


def state_file(place: Place) -> Path:
    return place.root / ".hubtools" / "state.sqlite"


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "middle", "folder", "text"])
def test_a_damaged_memory_costs_requests_and_nothing_else(place: Place, damage: str) -> None:
    fleet(place, 24)
    place.apply()
    file = state_file(place)
    data = file.read_bytes()
    match damage:
        case "garbage":
            file.write_bytes(b"\x00garbage" * 1000)
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(data[: len(data) // 2])
        case "middle":
            file.write_bytes(data[:4096] + b"\xff" * (len(data) - 8192) + data[-4096:])
        case "folder":
            file.unlink()
            file.mkdir()
        case "text":
            with sqlite3.connect(file) as database:
                database.execute("UPDATE repos SET files = '{not json'")
            database.close()
    assert set(place.actions().values()) == {"unchanged"}
    assert place.apply().unchanged == 24
    if damage != "folder":
        place.faults.clear()
        place.apply()
        assert asked(place) == ["GET /api/models"], "it works again"


def test_a_memory_of_another_version_is_begun_anew(place: Place) -> None:
    fleet(place, 2)
    place.apply()
    with sqlite3.connect(state_file(place)) as database:
        database.execute("PRAGMA user_version = 99")
        database.execute("DROP TABLE repos")
        database.execute("CREATE TABLE repos (other TEXT)")
    database.close()
    assert place.apply().unchanged == 2


def test_a_memory_that_is_locked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtools.core.state._BUSY_TIMEOUT", 0.05)
    fleet(place, 2)
    place.apply()
    place.edit("model-0", prose="New.")
    database = sqlite3.connect(state_file(place), isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    try:
        with place.session() as session:
            done = apply_in(session, plan_in(session))
            assert not session.cache.state.saved
    finally:
        database.close()
    assert done.applied == 1
    assert place.apply().unchanged == 2


def test_the_memory_stays_out_of_git(place: Place) -> None:
    fleet(place, 1)
    place.apply()
    assert (place.root / ".hubtools" / ".gitignore").read_text() == "*\n"


def test_two_hubs_and_two_namespaces_are_remembered_apart(place: Place) -> None:
    from dataclasses import replace

    fleet(place, 2)
    place.apply()
    other = replace(place, namespace=f"{place.namespace}-other")
    assert set(other.actions().values()) == {"create"}
    assert other.apply().applied == 2
    assert place.apply().unchanged == 2


def test_what_the_memory_says_of_an_unknown_head_is_not_believed(place: Place) -> None:
    fleet(place, 1)
    place.apply()
    with sqlite3.connect(state_file(place)) as database:
        database.execute("UPDATE repos SET revision = 'another'")
    database.close()
    place.put("model-0", README="Mine.")
    assert place.change("model-0").action == "conflict"


# Retiring


def test_retiring_hides_and_says_so(place: Place) -> None:
    place.card("poet")
    write_model(place.root, "poet")
    place.apply()
    place.edit("poet", state="retired")
    change = place.change("poet")
    assert (change.action, list(change.files)) == ("retire", [README])
    done = place.apply()
    assert (done.applied, done.error()) == (1, None)
    assert place.repo("poet").private
    assert "retired" in place.readme("poet")
    assert place.change("poet").action == "unchanged"
    place.faults.clear()
    place.apply()
    assert asked(place) == ["GET /api/models"]


def test_retiring_leaves_an_edited_readme_as_it_is(place: Place) -> None:
    place.card("poet")
    place.apply()
    place.put("poet", README="Mine.")
    place.edit("poet", state="retired")
    assert place.apply().applied == 1
    assert place.repo("poet").private
    assert place.readme("poet") == "Mine."
    assert place.change("poet").action == "unchanged"


def test_a_retired_model_that_was_made_public_again_is_hidden_again(place: Place) -> None:
    place.card("poet", state="retired")
    assert place.change("poet").action == "unchanged"
    assert place.apply().applied == 0
    assert place.names() == set()
    place.card("poet")
    place.apply()
    place.edit("poet", state="retired")
    place.apply()
    place.store.configure(place.repo_id("poet"), private=False, gated=None)
    assert place.change("poet").action == "retire"
    place.apply()
    assert place.repo("poet").private


def test_a_repository_without_a_card_is_never_touched(place: Place) -> None:
    place.put("strangers", create=True, README="Theirs.")
    place.card("poet")
    place.apply()
    place.file("poet").unlink()
    assert place.actions() == {"poet": "extra", "strangers": "extra"}
    done = place.apply()
    assert (done.applied, done.error()) == (0, None)
    assert place.names() == {"poet", "strangers"}
    assert not place.repo("poet").private


def test_a_card_in_a_file_of_another_name(place: Place) -> None:
    """Who renames the file and not the card, or the card and not the file, is told."""
    file = place.card("poet")
    file.rename(file.with_name("bard.toml"))
    with pytest.raises(CardError) as caught:
        place.plan()
    assert caught.value.where == f"{place.file('bard')}: repo"


def test_a_card_that_differs_from_its_file_in_case_only(place: Place) -> None:
    file = place.card("Poet")
    file.rename(file.with_name("poet.toml"))
    assert place.apply().applied == 1
    assert place.names() == {"Poet"}


def test_two_cards_of_one_repository(place: Place) -> None:
    place.card("poet")
    (place.root / "cards" / "Poet.toml").write_text('repo = "Poet"\n')
    with pytest.raises(CardError) as caught:
        place.plan()
    assert caught.value.where == f"{place.file('poet')}: repo"
    assert "Poet.toml" in caught.value.what


def test_a_plan_of_some_cards_touches_no_other(place: Place) -> None:
    fleet(place)
    with place.session() as session:
        plan = plan_in(session, "model-1")
        done = apply_in(session, plan)
    assert done.applied == 1
    assert place.names() == {"model-1"}


def test_emoji_and_long_names(place: Place) -> None:
    place.card("a" * 96, prose="Emoji 🌫️ ⚓ and\n\n日本語。")
    place.apply()
    assert "Emoji 🌫️ ⚓ and\n\n日本語。" in place.readme("a" * 96)
    assert place.change("a" * 96).action == "unchanged"


def test_what_a_plan_says_as_json_is_what_stands_on_the_hub_afterwards(place: Place) -> None:
    import hashlib

    place.card("poet")
    write_model(place.root, "poet")
    with place.session() as session:
        planned = plan_cards(session, place.files, full=True).plan
    (change,) = planned.changes
    place.apply()
    data = place.data("poet")
    assert {p: hashlib.sha256(data[p]).hexdigest() for p in change.files} == dict(change.files)
    assert json.loads(data["run.json"])["files"].keys() <= change.files.keys()
