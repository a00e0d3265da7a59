"""Bringing edits home from a Hub, and what plan and apply make of them afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubtools.cards.card_file import add_card, load_card
from hubtools.cards.importing import import_readme
from hubtools.core.errors import ConflictError, HubtoolsError, UsageError
from hubtools.localhub.faults import Cut, Fault, Respond
from hubtools.services.pull import Edit, find_edit, save_edit
from tests.cards.old_cards import all_of, may_2021
from tests.sync.makers import Place


def pull(place: Place, name: str = "poet", *, own: bool = False) -> Edit | None:
    """As the command does, without a question."""
    with place.session() as session:
        edit = find_edit(session, place.file(name), own=own)
        if edit is not None:
            save_edit(edit)
    return edit


def published(place: Place, **said: object) -> None:
    place.card("poet", **said)
    place.apply()


def edited(place: Place, old: str, new: str) -> None:
    text = place.readme("poet")
    assert old in text
    place.put("poet", README=text.replace(old, new))


def prose(place: Place) -> str:
    return place.file("poet").with_suffix(".md").read_text()


def test_nothing_to_pull(place: Place) -> None:
    published(place)
    assert pull(place) is None
    place.edit("poet", prose="Ours, not applied yet.")
    assert pull(place) is None


def test_an_edit_comes_home_and_is_published_with_ours(place: Place) -> None:
    published(place, prose="We asked them.")
    text = place.readme("poet").replace("language: en\n", "language: en\ninference: false\n")
    there = text.replace("We asked them.", "We asked them, twice.")
    place.put("poet", README=there)
    place.edit("poet", metadata={"license": "mit"})
    assert place.change("poet").action == "conflict"
    edit = pull(place)
    assert edit is not None
    assert "+inference = false" in edit.diff
    assert "+We asked them, twice." in edit.diff
    assert "+inference: false" in edit.remote_diff
    card = load_card(place.file("poet"))
    assert card.metadata == {"license": "mit", "inference": False}
    assert prose(place) == "We asked them, twice.\n"
    assert place.change("poet").action == "update"
    assert place.apply().applied == 1
    readme = place.readme("poet")
    assert "We asked them, twice." in readme
    assert "inference: false" in readme
    assert "license: mit" in readme
    assert place.change("poet").action == "unchanged"


def test_a_second_pull_finds_nothing(place: Place) -> None:
    published(place)
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    assert pull(place) is not None
    before = (place.file("poet").read_bytes(), prose(place))
    assert pull(place) is None
    place.apply()
    assert pull(place) is None
    assert (place.file("poet").read_bytes(), prose(place)) == before


def test_another_edit_after_a_pull(place: Place) -> None:
    """The first edit is home already, and does not come a second time."""
    published(place, prose="We asked them.")
    place.put("poet", README=place.readme("poet") + "\nFirst.\n")
    pull(place)
    place.put("poet", README=place.readme("poet") + "\nSecond.\n")
    assert place.change("poet").action == "conflict"
    edit = pull(place)
    assert edit is not None
    assert prose(place).count("First.") == 1
    assert prose(place).count("Second.") == 1
    place.apply()
    assert place.readme("poet").count("First.\n") == 1


def test_another_edit_after_a_pull_that_was_edited_here(place: Place) -> None:
    published(place, prose="We asked them.")
    place.put("poet", README=place.readme("poet") + "\nFirst.\n")
    pull(place)
    place.edit("poet", prose=prose(place).strip().replace("First.", "First, of two."))
    place.put("poet", README=place.readme("poet") + "\nSecond.\n")
    pull(place)
    assert prose(place) == "We asked them.\n\nFirst, of two.\n\nSecond.\n"


def test_edits_after_an_apply(place: Place) -> None:
    published(place, prose="We asked them.")
    for number in range(3):
        place.put("poet", README=place.readme("poet") + f"\nEdit {number}.\n")
        pull(place)
        assert place.apply().applied == 1
    assert prose(place) == "We asked them.\n\nEdit 0.\n\nEdit 1.\n\nEdit 2.\n"
    assert place.change("poet").action == "unchanged"


def test_many_small_edits_of_people_and_bots(place: Place) -> None:
    published(place, prose="We asked them.")
    for number in range(12):
        place.put("poet", README=place.readme("poet") + f"\nEdit {number}.\n")
    pull(place)
    assert [f"Edit {n}." in prose(place) for n in range(12)] == [True] * 12


def test_without_memory_the_base_is_found_in_the_history(place: Place) -> None:
    published(place, prose="We asked them.")
    edited(place, "We asked them.", "We asked them, twice.")
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    place.forget()
    pull(place)
    assert prose(place) == "We asked them, twice.\n\nMine.\n"


def test_line_ends_of_another_system(place: Place) -> None:
    published(place, prose="We asked them.")
    place.put("poet", README=(place.readme("poet") + "\nMine.\n").replace("\n", "\r\n"))
    pull(place)
    assert prose(place) == "We asked them.\n\nMine.\n"


def test_the_cards_own_comments_and_order_stay(place: Place) -> None:
    published(place)
    file = place.file("poet")
    file.write_text("# Ask before you change this.\n" + file.read_text())
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    pull(place)
    assert file.read_text().startswith("# Ask before you change this.\n")


# What a person has to decide


def test_nothing_is_changed_where_both_sides_changed_the_same(place: Place) -> None:
    published(place, prose="We asked them.")
    text = place.readme("poet").replace("language: en", "language: de")
    place.put("poet", README=text.replace("We asked them.", "We asked them, twice."))
    place.edit("poet", prose="We asked no one.")
    before = (place.file("poet").read_bytes(), prose(place))
    with pytest.raises(ConflictError) as caught:
        pull(place)
    assert caught.value.where == str(place.file("poet"))
    assert "prose" in caught.value.what
    assert (place.file("poet").read_bytes(), prose(place)) == before
    assert place.change("poet").action == "conflict"


def test_a_readme_is_kept_as_it_is(place: Place) -> None:
    published(place, prose="We asked them.")
    edited(place, "## How does it work?", "## How?")
    with pytest.raises(ConflictError) as caught:
        pull(place)
    assert "hubtools pull poet --own" in str(caught.value.fix)
    there = place.readme("poet")
    assert pull(place, own=True) is not None
    card = load_card(place.file("poet"))
    assert card.body == "own"
    assert "## How?" in prose(place)
    assert [account.handle for account in card.accounts] == ["poet"]
    assert pull(place, own=True) is None
    assert place.apply().error() is None
    kept = [line for line in there.split("\n") if line.strip() and not line.startswith("<!-- hub")]
    now = place.readme("poet").split("\n")
    assert [line for line in kept if line not in now] == []
    assert place.change("poet").action == "unchanged"
    edited(place, "## How?", "## And how?")
    pull(place)
    assert "## And how?" in prose(place)


def test_a_card_that_changes_meanwhile_is_not_overwritten(place: Place) -> None:
    published(place, prose="We asked them.")
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    with place.session() as session:
        edit = find_edit(session, place.file("poet"))
        assert edit is not None
        place.edit("poet", prose="Other text.")
        with pytest.raises(ConflictError) as caught:
            save_edit(edit)
        assert caught.value.where == str(place.file("poet"))
    assert prose(place) == "Other text.\n"
    pull(place)
    assert prose(place) == "Other text.\n\nMine.\n"


def test_a_pull_that_was_killed_in_the_middle(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(place, prose="We asked them.")
    place.edit("poet", prose="We asked them.\n\nOurs.")
    text = place.readme("poet").replace("language: en", "language: de")
    place.put("poet", README=text + "\nMine.\n")

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hubtools.services.pull.save_card", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(place)
    assert "Mine." in prose(place)
    assert place.change("poet").action == "conflict"
    pull(place)
    assert prose(place) == "We asked them.\n\nOurs.\n\nMine.\n"
    assert load_card(place.file("poet")).language == "de"


# READMEs that were never ours

FOREIGN = "---\nlicense: mit\ntags:\n- poetry\n---\n\n# Poet\n\nWritten by hand.\n"


def imported(place: Place, text: str) -> None:
    """As `cards import --from-hub` does."""
    from huggingface_hub import HfApi

    from hubtools.services.import_cards import import_from_hub, list_hub_models

    place.put("poet", create=True, README=text)
    api = HfApi(endpoint=place.url, token=False)
    ((_, card),) = import_from_hub(api, list_hub_models(api, place.namespace))
    assert not isinstance(card, HubtoolsError)
    add_card(card, place.root / "cards")


@pytest.mark.parametrize("text", [FOREIGN, FOREIGN.replace("\n", "\r\n"), "Only text.\n"])
def test_a_foreign_readme_that_was_imported(place: Place, text: str) -> None:
    imported(place, text)
    assert place.change("poet").action == "update", "it gets our last line"
    assert place.apply().applied == 1
    assert "Written by hand." in place.readme("poet") or "Only text." in place.readme("poet")
    assert place.change("poet").action == "unchanged"


def test_a_foreign_readme_that_was_imported_and_then_edited_here(place: Place) -> None:
    imported(place, FOREIGN)
    card = load_card(place.file("poet"))
    place.edit("poet", metadata={**card.metadata, "inference": False}, tags=("poetry", "new"))
    assert place.change("poet").action == "update"
    assert place.apply().applied == 1
    assert "Written by hand." in place.readme("poet")
    assert "inference: false" in place.readme("poet")


def test_a_foreign_readme_that_changed_after_the_import(place: Place) -> None:
    imported(place, FOREIGN)
    place.put("poet", README=FOREIGN.replace("by hand", "by foot"))
    assert place.change("poet").action == "conflict"
    pull(place)
    assert "Written by foot." in prose(place)
    assert place.apply().applied == 1
    assert "Written by foot." in place.readme("poet")


def test_a_foreign_readme_without_an_import(place: Place) -> None:
    """A card that somebody wrote, and a README that somebody else wrote."""
    place.card("poet", language=None, base_model=None, tags=(), accounts=())
    place.put("poet", create=True, README=FOREIGN)
    assert place.change("poet").action == "conflict"
    with pytest.raises(ConflictError) as caught:
        pull(place)
    assert caught.value.where == str(place.file("poet"))
    pull(place, own=True)
    assert place.apply().applied == 1
    assert "Written by hand." in place.readme("poet")
    assert "license: mit" in place.readme("poet")


def test_a_legacy_card_that_was_imported_and_then_edited_here(place: Place) -> None:
    text = may_2021(all_of(["The Poet"]))
    card = import_readme(text, repo="poet")
    assert card.body is None
    imported(place, text)
    assert place.change("poet").action == "update"
    place.edit("poet", prose="And more.", language="fr")
    assert place.change("poet").action == "update"
    assert place.apply().applied == 1


# What cannot be read


@pytest.mark.parametrize(
    "text",
    [
        "---\na: [unclosed\n---\nText\n",
        "---\na: &x 1\nb: *y\n---\nText\n",
        "---\n- a list\n---\nText\n",
        "",
        "---\n---\n",
        "<!-- hubtools card {broken -->\n",
        '<!-- hubtools card {"card":{"repo":5},"body":"x"} -->\n',
        "\x00\x01",
    ],
)
def test_a_readme_that_is_broken_is_a_conflict_and_one_line(place: Place, text: str) -> None:
    published(place)
    place.put("poet", README=text)
    assert place.change("poet").action == "conflict"
    try:
        pull(place)
    except HubtoolsError as error:
        assert "\n" not in str(error)
    assert place.readme("poet") == text


def test_a_readme_that_is_no_text_is_a_conflict(place: Place) -> None:
    published(place)
    place.put("poet", README=b"\xff\xfe\x00binary")
    assert place.change("poet").action == "conflict"
    with pytest.raises(ConflictError) as caught:
        pull(place)
    assert caught.value.where == f"{place.namespace}/poet"


def test_a_huge_readme_ends_no_other_models_run(place: Place) -> None:
    place.card("gull")
    published(place)
    place.put("poet", README="x" * (3 << 20))
    place.edit("gull", prose="New.")
    place.edit("poet", prose="New.")
    done = place.apply()
    assert (done.applied, len(done.conflicts)) == (1, 1)
    assert done.conflicts[0].name == "poet"


def test_a_repository_that_is_not_there(place: Place) -> None:
    place.card("poet")
    with pytest.raises(UsageError) as caught:
        pull(place)
    assert caught.value.where == f"{place.namespace}/poet"


def test_a_pull_while_the_hub_fails(place: Place) -> None:
    published(place)
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    place.faults.use(Fault(Respond(503), nth=(1, 3)), Fault(Cut("during"), nth=(4, 5)))
    assert pull(place) is not None
    assert "Mine." in prose(place)


def test_weights_are_not_pulled(place: Place) -> None:
    from tests.sync.makers import write_model

    place.card("poet")
    folder = write_model(place.root, "poet")
    place.apply()
    place.store.put(place.repo_id("poet"), {"config.json": b"theirs"}, author="rival")
    assert place.change("poet").action == "conflict"
    assert pull(place) is None
    assert (folder / "config.json").read_bytes() != b"theirs"


def test_a_card_with_all_fields_survives(place: Place) -> None:
    from tests.cards.samples import CYBORG, HARBOUR

    for card in (HARBOUR, CYBORG):
        add_card(card, place.root / "cards")
    place.apply()
    for card in (HARBOUR, CYBORG):
        place.put(card.repo, README=place.readme(card.repo) + "\nMine.\n")
        pull(place, card.repo)
        expected = f"{card.prose}\n\nMine." if card.prose else "Mine."
        assert load_card(place.file(card.repo)) == replace(card, prose=expected)
    assert place.apply().applied == 2
