"""A saved plan: what a person has looked at is carried out, or nothing is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubtools.core.errors import ConflictError, HubtoolsError, UsageError
from hubtools.services.plan import plan_cards
from hubtools.sync.plan import Plan
from hubtools.sync.plan_file import card_names, check_current, plan_document, read_plan, write_plan
from tests.sync.makers import Place, apply_in, write_model


def save(place: Place, *names: str) -> Path:
    file = place.root / "plan.json"
    write_plan(place.plan(*names), file)
    return file


def carry_out(place: Place, file: Path) -> int:
    """As the command does; how many changes were applied."""
    saved = read_plan(file)
    with place.session() as session:
        files = place.files
        if not saved.full:
            files = [one for one in files if one.stem in card_names(saved)]
        planned = plan_cards(session, files, full=saved.full)
        check_current(saved, planned.plan, planned.desired)
        return apply_in(session, planned.plan).applied


@pytest.fixture
def fleet(place: Place) -> Place:
    for name in ("ferry", "gull", "poet"):
        place.card(name)
    place.apply()
    place.put("strangers", create=True, README="Theirs.")
    for name in ("ferry", "gull"):
        place.edit(name, prose="New.")
    place.card("tern")
    return place


def refused(place: Place, file: Path) -> str:
    place.faults.clear()
    before = {name: len(place.history(name)) for name in place.names()}
    with pytest.raises(ConflictError) as caught:
        carry_out(place, file)
    assert {one.method for one in place.faults.log} <= {"GET"}, "nothing was sent"
    assert {name: len(place.history(name)) for name in place.names()} == before
    assert "Nothing was sent" in str(caught.value)
    return str(caught.value.where)


def test_a_plan_comes_back_from_its_file(fleet: Place) -> None:
    write_model(fleet.root, "tern")
    plan = fleet.plan()
    file = fleet.root / "plan.json"
    write_plan(plan, file)
    assert read_plan(file) == plan
    assert plan_document(plan)["changes"] == json.loads(file.read_text())["changes"]
    assert read_plan(save(fleet, "gull")).full is False


def test_what_was_looked_at_is_carried_out(fleet: Place) -> None:
    assert carry_out(fleet, save(fleet)) == 3
    assert fleet.names() == {"ferry", "gull", "poet", "tern", "strangers"}


def test_a_plan_of_some_cards(fleet: Place) -> None:
    assert carry_out(fleet, save(fleet, "gull")) == 1
    assert len(fleet.history("ferry")) == 1


def test_another_card(fleet: Place) -> None:
    file = save(fleet)
    fleet.edit("gull", prose="Newer.")
    assert refused(fleet, file) == f"{fleet.namespace}/gull"


def test_a_card_that_was_unchanged(fleet: Place) -> None:
    file = save(fleet)
    fleet.edit("poet", prose="Newer.")
    assert refused(fleet, file) == f"{fleet.namespace}/poet"


def test_another_card_more_or_less(fleet: Place) -> None:
    file = save(fleet)
    fleet.card("lighthouse")
    refused(fleet, file)
    fleet.file("lighthouse").unlink()
    assert read_plan(file)
    fleet.file("poet").unlink()
    refused(fleet, file)


def test_another_template(fleet: Place) -> None:
    file = save(fleet)
    folder = fleet.root / "templates"
    folder.mkdir()
    (folder / "card.md.j2").write_text("# {{ card.repo }}\n")
    refused(fleet, file)


def test_another_head(fleet: Place) -> None:
    file = save(fleet)
    fleet.put("gull", README="Mine.")
    assert refused(fleet, file) == f"{fleet.namespace}/gull"
    file = save(fleet)
    fleet.put("gull", notes__txt="Mine.")
    refused(fleet, file)


def test_another_repository(fleet: Place) -> None:
    file = save(fleet)
    fleet.put("tern", create=True, README="Theirs too.")
    assert refused(fleet, file) == f"{fleet.namespace}/tern"
    fleet.store.delete(fleet.repo_id("tern"))
    fleet.store.delete(fleet.repo_id("gull"))
    assert refused(fleet, file) == f"{fleet.namespace}/gull"


def test_a_model_that_was_trained_meanwhile(fleet: Place) -> None:
    write_model(fleet.root, "tern")
    file = save(fleet)
    write_model(fleet.root, "tern", b"other weights")
    assert refused(fleet, file) == f"{fleet.namespace}/tern"


def test_a_stranger_makes_no_plan_stale(fleet: Place) -> None:
    file = save(fleet)
    fleet.put("another", create=True, README="Theirs.")
    fleet.put("strangers", README="Theirs, changed.")
    assert carry_out(fleet, file) == 3


def test_a_half_applied_plan_goes_on(fleet: Place) -> None:
    fleet.edit("poet", state="retired")
    file = save(fleet)
    with fleet.session() as session:
        plan = plan_cards(session, fleet.files, full=True).plan
        half = tuple(c for c in plan.changes if c.name in ("gull", "poet", "tern"))
        done = apply_in(session, Plan(plan.to, plan.namespace, half))
    assert done.applied == 3
    assert carry_out(fleet, file) == 1
    assert carry_out(fleet, file) == 0
    assert len(fleet.history("gull")) == 2
    assert fleet.repo("poet").private


def test_a_plan_that_was_killed_between_creation_and_commit(fleet: Place) -> None:
    file = save(fleet)
    fleet.put("tern", create=True)
    assert carry_out(fleet, file) == 3


def test_a_plan_that_was_killed_between_hiding_and_commit(fleet: Place) -> None:
    fleet.edit("poet", state="retired")
    file = save(fleet)
    fleet.store.configure(fleet.repo_id("poet"), private=True, gated=None)
    assert carry_out(fleet, file) == 4
    assert "retired" in fleet.readme("poet")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff\xfe",
        b'{"format": "hubtools plan 1"}',
        b'{"format": "hubtools plan 2", "to": "", "namespace": "", "changes": []}',
        b'{"format": "hubtools plan 1", "to": "x", "namespace": "n", "changes": [{"repo": 5}]}',
        b'{"format": "hubtools plan 1", "to": "x", "namespace": "n", "changes": [{"repo": "a/b",'
        b' "action": "destroy", "reason": "", "head": null, "files": {}}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"\\ud800"',
    ],
)
def test_what_is_no_plan(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        read_plan(file)
    assert caught.value.where == str(file)
    assert caught.value.fix is not None


def test_a_plan_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HubtoolsError) as caught:
        read_plan(tmp_path)
    assert caught.value.where == str(tmp_path)


def test_a_plan_that_was_cut_in_half(fleet: Place) -> None:
    file = save(fleet)
    data = file.read_bytes()
    for size in (10, len(data) // 2, len(data) - 3):
        file.write_bytes(data[:size])
        with pytest.raises(UsageError):
            read_plan(file)


def test_a_plan_that_somebody_wrote_by_hand_sends_nothing_else(fleet: Place) -> None:
    """It is a claim of what would be sent, not a list of what to send."""
    file = save(fleet)
    document = json.loads(file.read_text())
    for change in document["changes"]:
        if change["repo"].endswith("/poet"):
            change.update(action="update", files={"README.md": "0" * 64})
    file.write_text(json.dumps(document))
    refused(fleet, file)
    document["changes"] = [
        {**change, "action": "retire"} if change["action"] == "extra" else change
        for change in json.loads(save(fleet).read_text())["changes"]
    ]
    file.write_text(json.dumps(document))
    refused(fleet, file)
    assert not fleet.repo("strangers").private
