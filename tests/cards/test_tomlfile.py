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
    "repo =": ("", "TOML"),
    'repo = "a"\nacounts = []': ("", "'acounts'"),
    'repo = "a"\n[[accounts]]\nhandel = "x"': ("", "'accounts[0].handel'"),
    'repo = "a"\n[training]\nrecipe = 3': (": training", ""),
    'repo = "a"\nstate = "gone"': (": state", "'gone'"),
    'repo = "a"\ntags = "x"': (": tags", "array"),
    'state = "published"': ("", "repo"),
    'repo = "../a"': (": repo", "'../a'"),
    'repo = "a/b"': (": repo", "'a/b'"),
    '[[accounts]]\nrepo = "a"': ("", "'accounts[0].repo'"),
}
"""Where each is, after the file, and what its message names."""


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_a_mistake_names_file_and_field(
    text: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "card.toml"
    file.write_text(text)
    with pytest.raises(CardError) as caught:
        load_card(file)
    field, named = expected
    assert (caught.value.where or "").startswith(f"{file}{field}")
    assert named in caught.value.what
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b'repo = "\xff"')
    with pytest.raises(CardError) as caught:
        load_card(tmp_path / "card.toml")
    assert caught.value.where == str(tmp_path / "card.toml")
