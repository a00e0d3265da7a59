"""A README gives back the card that it was made of, whatever is on the card."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.card_file import card_toml, load_card, save_card
from hubtools.cards.importing import import_readme
from hubtools.cards.metadata import split_modelled
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError
from hubtools.core.results import Evaluation, PostCounts, Prediction, Training
from tests.cards.samples import CYBORG, HARBOUR, HOSTILE_TEXTS, RETIRED

RENDERERS = (
    CardRenderer("acme"),
    CardRenderer("acme", "https://huggingface.co", ProjectConfig(name="A", contact="a@b.example")),
)
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cs",))
TEXT = st.text(CHARACTERS, max_size=20) | st.sampled_from(HOSTILE_TEXTS)
SAID = TEXT.filter(bool)


def _as_a_file_holds_it(text: str) -> str | None:
    """Line ends as text files have them, none at either end."""
    return re.sub(r"\r\n?", "\n", text).strip("\n") or None


PROSE = st.text(CHARACTERS | st.just("\n"), max_size=60).map(_as_a_file_holds_it)
NUMBER = st.integers(0, 10**9)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
OPTIONAL = st.none() | SAID
COUNTS = st.builds(PostCounts, downloaded=NUMBER, reposts=NUMBER, dropped=NUMBER, kept=NUMBER)
ACCOUNTS = st.builds(
    CardAccount,
    handle=OPTIONAL,
    name=OPTIONAL,
    network=st.sampled_from([None, "x", "mastodon", "bluesky", "file"]),
    avatar=OPTIONAL,
    posts=st.none() | COUNTS,
)
RUNS = st.builds(RunLink, kind=st.sampled_from(["dataset", "training", "report"]), url=TEXT)
TRAININGS = st.builds(
    Training,
    recipe=TEXT,
    seed=NUMBER,
    posts=NUMBER,
    tokens=NUMBER,
    epochs=NUMBER,
    steps=NUMBER,
    learning_rate=FLOAT,
    parameters=NUMBER,
    train_loss=FLOAT,
)
EVALUATIONS = st.builds(
    Evaluation,
    posts=NUMBER,
    test_loss=FLOAT,
    bits_per_byte=FLOAT,
    base_loss=st.none() | FLOAT,
    perplexity=st.none() | FLOAT,
    base_bits_per_byte=st.none() | FLOAT,
    predictions=NUMBER,
    memorized_fraction=FLOAT,
    memorized_baseline=FLOAT,
)
PREDICTIONS = st.builds(Prediction, prompt=TEXT, text=TEXT)
LANGUAGES = st.none() | SAID | st.lists(TEXT, min_size=1, max_size=3).map(tuple)
PLAIN: st.SearchStrategy[Any] = (
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | FLOAT
    | TEXT
    | st.dates(date(1000, 1, 1))
    | st.datetimes(datetime(1000, 1, 1))
    | st.sampled_from([{"yaml": "1.10"}, {"yaml": "null"}, {"yaml": "0x1F"}])
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT.filter(lambda key: key != "yaml"), inner, max_size=3)
    ),
    max_leaves=6,
)
MODELLED = ("language", "base_model", "tags", "thumbnail", "widget")
METADATA = st.dictionaries(SAID, VALUES, max_size=3)
COMMENTS = st.lists(
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1), max_size=2
).map(tuple)
CARDS = st.builds(
    Card,
    repo=st.sampled_from(["a", "harbourlog-nightferry", "x_1.y"]),
    language=LANGUAGES,
    base_model=OPTIONAL | st.just("scratch"),
    prompt=OPTIONAL,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    thumbnail=OPTIONAL,
    accounts=st.lists(ACCOUNTS, max_size=3).map(tuple),
    handles=st.lists(TEXT, max_size=3).map(tuple),
    runs=st.lists(RUNS, max_size=3).map(tuple),
    training=st.none() | TRAININGS,
    evaluation=st.none() | EVALUATIONS,
    predictions=st.lists(PREDICTIONS, max_size=2).map(tuple),
    metadata=METADATA,
    comments=COMMENTS,
    prose=PROSE,
)
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(CARDS, st.sampled_from(RENDERERS))
def test_import_after_render_is_the_card(card: Card, renderer: CardRenderer) -> None:
    text = renderer.render(card)
    assert is_sealed(text)
    assert import_readme(text) == card
    assert import_readme(text.replace("\n", "\r\n")) == card


@SLOW
@given(CARDS, st.sampled_from(RENDERERS))
def test_so_it_is_where_the_body_is_a_persons_own(card: Card, renderer: CardRenderer) -> None:
    own = replace(
        card, body="own", metadata={k: v for k, v in card.metadata.items() if k not in MODELLED}
    )
    assert import_readme(renderer.render(own), repo=own.repo) == own


@SLOW
@given(
    st.dictionaries(SAID, VALUES, max_size=4),
    st.text(CHARACTERS, max_size=60),
)
def test_any_readme_comes_back(data: dict[str, Any], body: str) -> None:
    from hubtools.cards.frontmatter import dump_front_matter
    from hubtools.cards.yaml_reader import to_yaml

    text = dump_front_matter({key: to_yaml(value) for key, value in data.items()}) + body
    card = import_readme(text, repo="a")
    modelled, rest = split_modelled(data)
    assert card.metadata == rest
    assert {key: getattr(card, key) for key in modelled} == modelled
    assert import_readme(RENDERERS[0].render(card), repo="a") == card


@SLOW
@given(CARDS)
def test_a_cards_file_says_what_the_card_says(card: Card) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "card.toml"
        save_card(card, file)
        assert load_card(file) == replace(card, prose=None)


def test_a_retired_card_gives_back_no_more_than_it_says() -> None:
    card = replace(RETIRED, metadata={"license": "mit", "note": "x"})
    text = RENDERERS[0].render(card)
    assert "harbour" not in text.lower()
    again = import_readme(text)
    assert again == Card(repo=card.repo, state="retired", metadata={"license": "mit"})
    assert import_readme(RENDERERS[0].render(again)) == again


def test_an_edit_of_the_front_matter_goes_into_the_card() -> None:
    text = RENDERERS[1].render(HARBOUR)
    text = text.replace("language: en", "language: de").replace('"cc0-1.0"', "mit")
    text = text.replace("library_name: transformers", "library_name: gguf\nextra: 1.10 # why")
    card = import_readme(text)
    metadata = {"library_name": "gguf", "extra": {"yaml": "1.10"}, "license": "mit"}
    assert card == replace(HARBOUR, language="de", metadata=metadata, comments=("why",))
    assert import_readme(RENDERERS[1].render(card)) == card


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## About\n", "## About\n\nHello.\n"),
        ("pipeline_tag: text-generation\n", ""),
        ("tide", "x"),
    ],
)
def test_an_edit_of_the_text_makes_it_the_persons_own(old: str, new: str) -> None:
    text = RENDERERS[1].render(HARBOUR).replace(old, new, 1)
    card = import_readme(text)
    assert card.body == "own"
    assert (card.accounts, card.training) == (HARBOUR.accounts, HARBOUR.training)
    again = RENDERERS[1].render(card)
    assert import_readme(again) == card
    for line in text.splitlines():
        assert line in again or line.startswith("<!-- hubtools")


DAMAGED = (
    "{}",
    "{nonsense}",
    '{"card":3,"body":""}',
    '{"card":{"repo":"a"},"metadata":3,"body":""}',
    '{"card":{"repo":"a","nope":1},"body":""}',
    '{"card":{"repo":"../a"},"body":""}',
)


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_data_is_an_error(data: str) -> None:
    with pytest.raises(CardError):
        import_readme(f"# A\n\n<!-- hubtools card {data} -->\n")


def test_prose_that_looks_like_our_data_is_prose() -> None:
    card = replace(CYBORG, prose='<!-- hubtools card {"card":{"repo":"evil"},"body":""} -->')
    assert import_readme(RENDERERS[0].render(card)) == card


def test_the_data_cannot_end_its_comment() -> None:
    card = replace(HARBOUR, prompt="--> <b>x</b> --!> ---->", repo="a")
    (line,) = [x for x in RENDERERS[0].render(card).splitlines() if x.startswith("<!-- hubtools c")]
    assert line.isascii()
    assert line.count("-->") == 1
    assert "--" not in line[4:-3]
    assert card_toml(card)
