"""The card as a README: pinned whole, sealed, and closed to whatever a name holds."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.cards import escape
from hubtools.cards.frontmatter import split_front_matter
from hubtools.cards.model import Card, CardAccount, Prediction
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.config import ProjectConfig
from hubtools.errors import CardError
from tests.cards.samples import COUNTS, CYBORG, HARBOUR, HOSTILE_TEXTS, RETIRED

MARKDOWN = MarkdownIt("gfm-like", {"html": True})
PROJECT = ProjectConfig(
    name="Quiet Water", url="https://quiet.example", contact="hello@quiet.example"
)
RENDERERS = {
    "local": CardRenderer("me"),
    "hub": CardRenderer("quiet-water", "https://huggingface.co", PROJECT),
}


@pytest.mark.parametrize("place", RENDERERS)
@pytest.mark.parametrize("card", [HARBOUR, CYBORG, RETIRED], ids=lambda card: card.repo)
def test_golden_cards(card: Card, place: str, file_regression: FileRegressionFixture) -> None:
    file_regression.check(RENDERERS[place].render(card), extension=".md", encoding="utf-8")


def hostile(text: str) -> Card:
    return replace(
        HARBOUR,
        base_model=text,
        prompt=text,
        accounts=(CardAccount(handle=text, name=text, avatar=text, network="x", posts=COUNTS),) * 2,
        predictions=(Prediction(prompt=text, text=text),),
        metadata={"note": text},
    )


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_card_has_the_elements_of_a_harmless_one(text: str) -> None:
    harmless = RENDERERS["hub"].render(hostile("plain"))
    attacked = RENDERERS["hub"].render(hostile(text))
    data, body = split_front_matter(attacked)
    assert data["note"] == text
    assert data["widget"][0]["text"] == text
    expected, quiet = split_front_matter(harmless)
    assert list(data) == list(expected)
    assert elements(body) == elements(quiet)
    own = {None, "huggingface.co", "x.com", "quiet.example"}
    avatar = urlsplit(str(escape.link(text))).hostname
    assert hosts(body) <= own | {avatar}


def elements(body: str) -> list[str]:
    """The tags of the page, without those of links and pictures, which need a good address."""
    found: list[str] = []

    class Collector(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ("a", "img"):
                found.append(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

    Collector().feed(MARKDOWN.render(body))
    return found


def hosts(body: str) -> set[str | None]:
    """The hosts that the page points to; None for the repository's own files."""
    found: set[str | None] = set()

    class Collector(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(urlsplit(v or "").hostname for n, v in attrs if n in ("src", "href"))

    Collector().feed(MARKDOWN.render(body))
    return found


def test_the_seal_knows_our_work_from_an_edit() -> None:
    text = RENDERERS["local"].render(HARBOUR)
    assert is_sealed(text)
    assert is_sealed(text.replace("\n", "\r\n"))
    assert not is_sealed(text.replace("radish", "turnip"))
    assert not is_sealed(text.replace("library_name: transformers\n", ""))
    assert not is_sealed(text + "\nA line below.\n")
    assert not is_sealed("# A card by hand\n")


def test_metadata_of_the_person_wins() -> None:
    card = replace(HARBOUR, metadata={"pipeline_tag": "text2text-generation", "zz": [1]})
    data, _ = split_front_matter(RENDERERS["local"].render(card))
    assert data["pipeline_tag"] == "text2text-generation"
    assert data["zz"] == [1]


def test_a_users_template_replaces_one_block(tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text(
        '{% extends "hubtools/card.md.j2" %}{% block about %}Ours: {{ card.repo }}.{% endblock %}'
    )
    text = CardRenderer("me", templates=tmp_path).render(HARBOUR)
    assert "Ours: harbourlog." in text
    assert "## Training data" in text
    assert "Made with hubtools" not in text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ card.reop }}", r"card.md.j2:3: .*has no attribute 'reop'"),
        ("{{ hteme }}", r"card.md.j2:3: 'hteme' is undefined"),
        ("{% if %}", r"card.md.j2:3: "),
        ("{{ card.__class__ }}", r"card.md.j2:3: .*__class__"),
        ('{% include "gone.j2" %}', "gone.j2"),
    ],
)
def test_a_mistake_in_a_template_names_its_line(
    template: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "card.md.j2").write_text(f"one\ntwo\n{template}\n")
    with pytest.raises(CardError, match=message):
        CardRenderer("me", templates=tmp_path).render(HARBOUR)
