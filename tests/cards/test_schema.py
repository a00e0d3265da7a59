"""Editors are told of the same cards that we read."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from hubtools.cards import limits
from hubtools.cards.card import Card
from hubtools.cards.card_file import card_toml
from hubtools.cards.schema import card_schema, mistakes, path_text
from hubtools.cards.user_templates import sample_cards
from hubtools.core.errors import UsageError
from hubtools.core.repo_names import check_repo_name
from tests.cards.samples import CYBORG, HARBOUR, RETIRED

CARDS = (HARBOUR, CYBORG, RETIRED, *sample_cards())
VALIDATOR = jsonschema.Draft202012Validator(card_schema())


def table(card: Card) -> dict[str, Any]:
    return tomllib.loads(card_toml(replace(card, prose=None)))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.repo)
def test_good_cards_fit(card: Card) -> None:
    assert list(VALIDATOR.iter_errors(table(card))) == []
    assert list(mistakes(table(card), Card)) == []


def test_the_cards_of_this_repository_fit() -> None:
    for file in (Path(__file__).parents[2] / "cards").glob("*.toml"):
        assert list(VALIDATOR.iter_errors(tomllib.loads(file.read_text("utf-8")))) == [], file


def test_it_is_a_schema_and_knows_each_key() -> None:
    schema = card_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == set(Card.__dataclass_fields__) - {"prose"}
    assert schema["properties"]["base_model"]["description"].startswith("A repository id, or")
    assert "null" not in msgspec.json.encode(schema).decode()


MISTAKES = {
    'repo = "a"\nacounts = 1': ["unknown-key acounts"],
    'repo = "a"\nzzz = 1': ["unknown-key zzz"],
    'repo = "a"\nprose = "x"': ["unknown-key prose"],
    'state = "published"': ["missing-key repo"],
    "repo = 3": ["type repo"],
    'repo = "a"\nstate = "gone"': ["type state"],
    'repo = "a"\ntags = "x"': ["type tags"],
    'repo = "a"\ntags = [1]': ["type tags[0]"],
    'repo = "a"\nlanguage = 1': ["type language"],
    'repo = "a"\naccounts = "x"': ["type accounts"],
    'repo = "a"\naccounts = [1]': ["type accounts[0]"],
    'repo = "a"\n[training]\nseed = "x"': [
        *(f"missing-key training.{key}" for key in (
            "recipe", "posts", "tokens", "epochs", "steps", "learning_rate", "parameters",
            "train_loss",
        )),
        "type training.seed",
    ],
    'repo = "a"\n[[accounts]]\nhandel = "x"\n[[accounts]]\nposts = {kept = 1}': [
        "unknown-key accounts[0].handel",
        "missing-key accounts[1].posts.downloaded",
        "missing-key accounts[1].posts.reposts",
        "missing-key accounts[1].posts.dropped",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_every_mistake_is_found_by_both(text: str, expected: list[str]) -> None:
    data = tomllib.loads(text)
    assert list(VALIDATOR.iter_errors(data))
    found = [f"{problem.rule} {path_text(problem.path)}" for problem in mistakes(data, Card)]
    assert found == expected


NAMES = (
    "a", "A.b-c_d", "_a", "a_", "0", "", "-a", "a-", ".a", "a.", "a--b", "a..b", "a.git", "a/b",
    "ä", "a b", "a.gitx", "a.git.b", "__", "_-", "_.",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_editors_take_the_names_that_we_take(name: str) -> None:
    def ours() -> bool:
        try:
            return bool(check_repo_name(name))
        except UsageError:
            return False

    assert VALIDATOR.is_valid({"repo": name}) == ours()


@pytest.mark.parametrize(("path", "longest"), limits.LONGEST.items(), ids=str)
def test_editors_know_every_limit(path: tuple[str, ...], longest: int) -> None:
    def card(text: str) -> dict[str, Any]:
        value: Any = text
        for part in reversed(path[1:]):
            value = [value] if part == "*" else {part: value}
        return {"repo": "a", path[0]: value}

    def too_long(text: str) -> bool:
        return "maxLength" in [_last(error) for error in VALIDATOR.iter_errors(card(text))]

    assert not too_long("a" * longest)
    assert too_long("a" * (longest + 1))


def _last(error: jsonschema.ValidationError) -> str:
    return str(error.validator)


def test_paths_are_written_as_people_write_them() -> None:
    assert path_text(("accounts", 0, "posts", "kept")) == "accounts[0].posts.kept"
    assert path_text(()) == ""
