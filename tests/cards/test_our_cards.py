"""The cards of this repository: models that huggingtweets left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card
from hubtools.cards.importing import import_readme
from hubtools.cards.render import CardRenderer, is_sealed

FOLDER = Path(__file__).parents[2] / "cards"
RENDERER = CardRenderer("huggingtweets", "https://huggingface.co")
DEMO = "harbourlog"  # which `make demo` puts beside them
FILES = sorted(file for file in FOLDER.glob("*.toml") if file.stem != DEMO)


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def card(request: pytest.FixtureRequest) -> Card:
    return load_card(request.param)


def test_all_five_are_here() -> None:
    if not FOLDER.is_dir():
        pytest.skip("the cards are not part of a source distribution")
    names = [file.stem for file in FILES]
    assert names == [load_card(file).repo for file in FILES]
    assert len(names) == 5


def test_each_renders_as_it_did(card: Card, file_regression: FileRegressionFixture) -> None:
    file_regression.check(RENDERER.render(card), extension=".md", encoding="utf-8")


def test_each_comes_back_from_its_readme(card: Card) -> None:
    text = RENDERER.render(card)
    assert is_sealed(text)
    assert import_readme(text) == card


def test_none_pairs_a_handle_with_a_name_by_guessing(card: Card) -> None:
    if len(card.accounts) > 1:
        assert card.handles
        assert not any(account.handle for account in card.accounts)
    else:
        assert not card.handles
        assert all(account.handle == card.repo for account in card.accounts)
