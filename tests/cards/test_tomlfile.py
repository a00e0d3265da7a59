"""A card's file: what it says is read exactly, and a person's text in it is never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.card_file import card_toml, load_card, save_card
from hubtools.core.errors import CardError
from hubtools.core.results import Prediction
from tests.cards.samples import CYBORG, HARBOUR, RETIRED

CARDS = {"harbour": HARBOUR, "cyborg": replace(CYBORG, prose=None), "retired": RETIRED}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_reads_back_as_it_was(card: Card, tmp_path: Path) -> None:
    save_card(card, tmp_path / "card.toml")
    assert load_card(tmp_path / "card.toml") == card


def test_the_file_is_laid_out_as_people_expect() -> None:
    text = card_toml(HARBOUR)
    assert text.startswith('repo = "harbourlog"\nstate = "published"\nlanguage = "en"\n')
    assert "posts = {downloaded = 1510, reposts = 150, dropped = 120, kept = 1240}" in text
    assert text.index("[[accounts]]") < text.index("[training]") < text.index("[[predictions]]")


@pytest.mark.parametrize("before", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("after", CARDS.values(), ids=CARDS)
def test_saving_over_another_card_says_the_new_one(
    before: Card, after: Card, tmp_path: Path
) -> None:
    file = tmp_path / "card.toml"
    save_card(before, file)
    save_card(after, file)
    assert load_card(file) == after


def test_comments_and_layout_of_what_did_not_change_stay(tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    mine = "# our first one\n" + card_toml(HARBOUR).replace(
        "[training]", "[training]  # in the kitchen"
    )
    file.write_text(mine)
    save_card(HARBOUR, file)
    assert file.read_text() == mine
    save_card(replace(HARBOUR, prompt="I think"), file)
    assert file.read_text() == mine.replace('prompt = "My dream is"', 'prompt = "I think"', 1)


def test_prose_lives_in_a_file_of_its_own(tmp_path: Path) -> None:
    save_card(CYBORG, tmp_path / "card.toml")
    assert not (tmp_path / "card.md").exists()
    (tmp_path / "card.md").write_text("Hello.")
    assert load_card(tmp_path / "card.toml").prose == "Hello."


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(max_size=20).map(ascii))
def test_any_text_survives(name: str, text: str) -> None:
    card = Card(
        repo="a",
        accounts=(CardAccount(name=name),),
        predictions=(Prediction(prompt="", text=text),),
        metadata={"k": name},
    )
    import tomllib

    read = tomllib.loads(card_toml(card))
    assert read["accounts"][0]["name"] == name
    assert read["metadata"]["k"] == name
    assert read["predictions"][0]["text"] == text


MISTAKES = {
    "repo =": "not valid TOML",
    'repo = "a"\nacounts = []': r"unknown key 'acounts'. Did you mean 'accounts'\?",
    'repo = "a"\n[[accounts]]\nhandel = "x"': r"'accounts\[0\].handel'. Did you mean 'handle'\?",
    'repo = "a"\n[training]\nrecipe = 3': r"training|recipe",
    'repo = "a"\nstate = "gone"': "state: Invalid enum value 'gone'",
    'repo = "a"\ntags = "x"': "tags: Expected array, got str",
    'state = "published"': "missing required field repo",
    'repo = "../a"': r"card.toml: repo: '../a' is no name",
    'repo = "a/b"': "is no name",
    '[[accounts]]\nrepo = "a"': r"unknown key 'accounts\[0\].repo'",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_a_mistake_names_file_and_field(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    file.write_text(text)
    with pytest.raises(CardError, match=message) as caught:
        load_card(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b'repo = "\xff"')
    with pytest.raises(CardError, match="not UTF-8"):
        load_card(tmp_path / "card.toml")
