"""The card as a README: pinned whole, sealed, and closed to whatever a name holds."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.cards import escape
from hubtools.cards.card import Card, CardAccount
from hubtools.cards.frontmatter import split_front_matter
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError
from hubtools.core.results import Evaluation, Prediction
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


def accounts(number: int, network: str | None = "x") -> tuple[CardAccount, ...]:
    return tuple(
        CardAccount(
            handle=f"quay{i}@harbour.example" if network == "mastodon" else f"quay{i}",
            name=f"Quay No. {i}" if i % 7 else None,
            network=network,  # type: ignore[arg-type]
            avatar=f"https://quays.example/{i}.png" if i % 3 else None,
            posts=replace(COUNTS, downloaded=1500 + i, kept=1230 + i) if i % 5 else None,
        )
        for i in range(1, number + 1)
    )


RIGHT_TO_LEFT = (
    CardAccount(handle="mina", name="سجل الميناء ٣", network="x", posts=COUNTS),
    CardAccount(handle="namal", name="יומן הנמל (2)", network="bluesky", posts=COUNTS),
)
WITH_BASE = replace(
    HARBOUR,
    base_model="openai-community/gpt2",
    evaluation=Evaluation(
        posts=122, test_loss=3.0574, perplexity=21.2721, bits_per_byte=1.1794,
        base_loss=3.6, base_bits_per_byte=1.39,
        predictions=100, memorized_fraction=0.0, memorized_baseline=0.01,
    ),
)  # fmt: skip
ADAPTER = replace(
    WITH_BASE,
    training=replace(
        HARBOUR.training, recipe="lora", epochs=15, best_epoch=9, stable_epochs=10, val_posts=110,
        val_loss=3.0102, lora_rank=16, curves=True,
    ),
    evaluation=replace(
        WITH_BASE.evaluation, ngram_bits_per_byte=1.61, distinct_2=0.873, repeated=0.01
    ),
)  # type: ignore[type-var]  # fmt: skip
GOLDEN = {
    "nothing known": Card(repo="empty"),
    "two accounts": replace(CYBORG, accounts=accounts(2)),
    "three accounts": replace(CYBORG, accounts=accounts(3)),
    "five accounts": replace(CYBORG, accounts=accounts(5)),
    "forty accounts": replace(CYBORG, accounts=accounts(40)),
    "forty without counts": replace(
        CYBORG, accounts=tuple(replace(a, posts=None) for a in accounts(40))
    ),
    "mastodon": replace(HARBOUR, accounts=accounts(1, "mastodon")),
    "bluesky": replace(HARBOUR, accounts=accounts(1, "bluesky")),
    "file": replace(HARBOUR, accounts=accounts(1, "file")),
    "no network": replace(HARBOUR, accounts=accounts(1, None)),
    "right to left": replace(CYBORG, accounts=RIGHT_TO_LEFT),
    "better than its base": WITH_BASE,
    "adapter": ADAPTER,
    "without evaluation": replace(HARBOUR, evaluation=None),
    "unpaired handles": replace(
        CYBORG,
        accounts=tuple(replace(a, handle=None) for a in accounts(3)),
        handles=("ann_1", "mid", "zoetrope"),
    ),
    "own body": Card(
        repo="theirs", body="own", language="en", metadata={"version": {"yaml": "1.10"}},
        comments=("theirs",), prose="# Theirs\n\nAs it was.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_shapes(name: str, file_regression: FileRegressionFixture) -> None:
    file_regression.check(RENDERERS["hub"].render(GOLDEN[name]), extension=".md", encoding="utf-8")


def test_a_golden_hostile_card(file_regression: FileRegressionFixture) -> None:
    card = hostile('"><img src=x onerror=alert(1)> | `x` *y* [z](javascript:1) {{ 7 }}\n# h')
    file_regression.check(RENDERERS["hub"].render(card), extension=".md", encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "own body"])
def test_a_card_reads_without_styles(name: str) -> None:
    text = RENDERERS["hub"].render(GOLDEN[name])
    html = re.sub(r' style="[^"]*"', "", MARKDOWN.render(split_front_matter(text)[1]))
    assert "style" not in html
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings[-1] == "About"
    assert "Training data" in headings
    for account in GOLDEN[name].accounts:
        assert escape.visible(account.name or account.handle or "") in unescape(html)


def test_a_table_of_many_accounts_has_a_row_for_each() -> None:
    text = RENDERERS["hub"].render(GOLDEN["forty accounts"])
    html = MARKDOWN.render(split_front_matter(text)[1])
    assert html.count("<tr>") == 41
    assert html.count("<th ") + html.count("<th>") == 5
    assert "40 accounts" in text


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
    own = {None, "huggingface.co", "x.com", "quiet.example", "github.com"}
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


@pytest.mark.parametrize(
    ("epochs", "decay"), [(15, "over the last 5 epochs,"), (11, "over the last epoch,")]
)
def test_how_the_epochs_were_chosen(epochs: int, decay: str) -> None:
    training = replace(
        HARBOUR.training,
        epochs=epochs,
        best_epoch=9,
        stable_epochs=10,
        val_posts=110,
        val_loss=3.01,  # type: ignore[type-var]
    )
    text = RENDERERS["hub"].render(replace(HARBOUR, training=training))
    assert decay in text
    assert "| Best epoch | 9 |" in text
    assert "| Validation loss, best epoch (nats/token) | 3.010 |" in text


def test_predictions_from_right_to_left_keep_their_full_stop() -> None:
    texts = ("البحر لا ينام.", "The sea does not sleep.")
    card = replace(HARBOUR, predictions=tuple(Prediction(prompt="", text=t) for t in texts))
    assert f"- <bdi>{texts[0]}</bdi>\n- {texts[1]}\n" in RENDERERS["hub"].render(card)


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
    assert "Made with [hubtools]" not in text


DOUBLING = (
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}"
)
LOOP = "{% for i in range(9999) %}"
ENDS = "{% endfor %}" * 3


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ card.reop }}", "'reop'"),
        ("{{ hteme }}", "'hteme'"),
        ("{% if %}", ""),
        ("{{ card.__class__ }}", "__class__"),
        ('{% include "gone.j2" %}', "gone.j2"),
        ("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", "recursion"),
        (f"{LOOP}{LOOP}{LOOP}x{ENDS}", "200,000"),
        (DOUBLING, "200,000"),
        ("{{ 'x' * 99999999999 }}", "a text of more than"),
        ("{{ 9 ** 999999999 }}", "64"),
        ("{{ range(999999999) | list }}", "Range too big"),
        ("{{ card.tags.append('x') }}", "append"),
        ("{{ card.accounts[9].name }}", ""),
    ],
)
def test_a_mistake_in_a_template_names_its_line(template: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text(f"one\ntwo\n{template}\n")
    with pytest.raises(CardError) as caught:
        CardRenderer("me", templates=tmp_path).render(HARBOUR)
    assert named in caught.value.what
    assert caught.value.where == f"{tmp_path / 'card.md.j2'}:3"


def test_a_template_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text('{% include "card.md.j2" %}')
    with pytest.raises(CardError, match="recursion"):
        CardRenderer("me", templates=tmp_path).render(HARBOUR)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("\n{% block abuot %}x{% endblock %}", r"card.md.j2:2: block 'abuot' .* mean 'about'\?"),
        ("{% block zzz %}x{% endblock %}", r"card.md.j2:1: block 'zzz' replaces nothing.*Blocks: "),
    ],
)
def test_a_block_that_replaces_nothing_is_an_error(
    template: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "card.md.j2").write_text('{% extends "hubtools/card.md.j2" %}' + template)
    with pytest.raises(CardError, match=message):
        CardRenderer("me", templates=tmp_path).prepare()


def test_a_block_inside_of_a_replaced_one_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text(
        '{% extends "hubtools/card.md.j2" %}'
        "{% block about %}{% block mine %}Mine{% endblock %}{{ super() }}{% endblock %}"
    )
    assert "MineMade with" in CardRenderer("me", templates=tmp_path).render(HARBOUR).replace(
        "\n", ""
    )


def test_the_number_of_steps_is_each_cards_own(tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text("{% for i in range(90000) %}{% endfor %}{{ card.repo }}")
    renderer = CardRenderer("me", templates=tmp_path)
    for _ in range(4):
        assert "harbourlog" in renderer.render(HARBOUR)


def test_an_error_names_the_card(tmp_path: Path) -> None:
    (tmp_path / "card.md.j2").write_text("{{ nope }}")
    with pytest.raises(CardError, match=r"\(card 'harbourlog'\)"):
        CardRenderer("me", templates=tmp_path).render(HARBOUR)
