"""Taking a model down: the deny list, the card, then the Hub."""

from __future__ import annotations

import tomllib

import pytest

from hubtools.cards.card import CardAccount
from hubtools.cards.card_file import load_card
from hubtools.core.errors import HubtoolsError, PolicyError
from hubtools.localhub.faults import Fault, Respond
from hubtools.services.retire import RetireResult, retire_card
from tests.sync.makers import Place, write_model


def take_down(place: Place, name: str = "poet", *, delete: bool = False) -> RetireResult:
    with place.session() as session:
        return retire_card(session, place.file(name), delete=delete)


def denied(place: Place) -> list[str]:
    return (place.root / "deny.txt").read_text().splitlines()


@pytest.fixture
def published(place: Place) -> Place:
    place.card("poet")
    place.card("gull")
    write_model(place.root, "poet")
    place.apply()
    return place


def test_private_and_said(published: Place) -> None:
    done = take_down(published)
    assert (done.denied, done.deleted) == (("x:poet",), False)
    assert published.repo("poet").private
    assert "retired" in published.readme("poet")
    assert load_card(published.file("poet")).state == "retired"
    assert denied(published) == ["x:poet"]
    config = tomllib.loads((published.root / "hubtools.toml").read_text())
    assert config["consent"]["deny"] == "deny.txt"
    assert not published.repo("gull").private
    assert set(published.actions().values()) == {"unchanged"}
    assert published.apply().error() is None


def test_a_second_time_changes_nothing(published: Place) -> None:
    take_down(published)
    before = (published.history("poet"), denied(published), published.file("poet").read_bytes())
    published.faults.clear()
    done = take_down(published)
    assert done.denied == ()
    assert before == (
        published.history("poet"), denied(published), published.file("poet").read_bytes(),
    )  # fmt: skip
    assert {one.method for one in published.faults.log} == {"GET"}


def test_deleted(published: Place) -> None:
    done = take_down(published, delete=True)
    assert done.deleted
    assert published.names() == {"gull"}
    assert published.actions() == {"gull": "unchanged", "poet": "unchanged"}
    assert take_down(published, delete=True).deleted is False


def test_an_edited_readme_stays_and_is_hidden(published: Place) -> None:
    published.put("poet", README="Mine.")
    done = take_down(published)
    assert done.applied is not None
    assert done.applied.error() is None
    assert published.repo("poet").private
    assert published.readme("poet") == "Mine."


def test_a_model_that_was_never_published(place: Place) -> None:
    place.card("poet")
    done = take_down(place)
    assert done.applied is not None
    assert done.applied.applied == 0
    assert place.names() == set()
    assert denied(place) == ["x:poet"]


def test_all_accounts_of_a_card(place: Place) -> None:
    place.card(
        "both",
        accounts=(
            CardAccount(handle="gull@sea.example", name="Gull", network="mastodon"),
            CardAccount(name="Nobody knows whose"),
        ),
        handles=("ann", "bob"),
    )
    take_down(place, "both")
    assert denied(place) == ["mastodon:gull@sea.example", "file:ann", "file:bob"]


def test_the_list_and_the_card_stand_when_the_hub_fails(published: Place) -> None:
    published.faults.use(Fault(Respond(503)))
    with pytest.raises(HubtoolsError):
        take_down(published)
    assert denied(published) == ["x:poet"]
    assert load_card(published.file("poet")).state == "retired"
    published.faults.use()
    assert published.change("poet").action == "retire"
    take_down(published)
    assert published.repo("poet").private


def test_a_renamed_repository_is_said_and_not_called_done(published: Place) -> None:
    published.store.move(published.repo_id("poet"), published.repo_id("bard"))
    done = take_down(published)
    assert done.applied is not None
    error = done.applied.error()
    assert error is not None
    assert "renamed to bard" in error.what


def test_what_cannot_be_read_is_hidden(published: Place) -> None:
    published.forget()
    gated = Respond(403, {"X-Error-Code": "GatedRepo"})
    published.faults.use(Fault(gated, path=f"/{published.namespace}/poet/resolve/*"))
    take_down(published)
    assert published.repo("poet").private


def test_another_card_of_the_account_is_refused_and_nothing_sent(published: Place) -> None:
    published.card("poet-2", accounts=(CardAccount(handle="Poet", network="x"),))
    take_down(published)
    published.edit("gull", prose="New.")
    published.faults.clear()
    with pytest.raises(PolicyError) as caught:
        published.apply()
    assert "hubtools retire poet-2" in str(caught.value.fix)
    assert {one.method for one in published.faults.log} <= {"GET"}
    take_down(published, "poet-2")
    assert published.apply().applied == 1


def test_weights_go_out_of_sight_with_the_card(published: Place) -> None:
    """They stay in the private repository, and are not sent again."""
    take_down(published)
    write_model(published.root, "poet", b"trained again")
    assert published.change("poet").action == "unchanged"
