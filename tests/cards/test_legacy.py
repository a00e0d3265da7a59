"""Old cards: every generation, names that break tables, mojibake, and what people added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.importing import import_readme
from hubtools.cards.render import CardRenderer
from hubtools.core.results import PostCounts
from tests.cards.old_cards import GENERATIONS, Old, all_of, july_2020, may_2021, misread

SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
RENDERER = CardRenderer("acme")
Generation = Callable[[Old], str]


def expected(old: Old, generation: str) -> Card:
    report = {
        "july_2020": "https://bit.ly/report",
        "december_2020": "https://app.wandb.ai/wandb/huggingtweets/reports/report1",
    }.get(generation, f"{old.wandb}/reports/report1")
    accounts = tuple(
        CardAccount(
            name=name,
            network="x",
            avatar=old.avatar(i + 1),
            posts=PostCounts(**dict(zip(COUNTS, old.counts[i], strict=True))),
        )
        for i, name in enumerate(old.names)
    )
    alone = len(accounts) == 1
    return Card(
        repo=old.joined,
        language="en",
        base_model="openai-community/gpt2",
        prompt="My dream is",
        tags=("exbert", "huggingtweets") if generation == "july_2020" else ("huggingtweets",),
        thumbnail=f"https://www.huggingtweets.com/{old.joined}/1/predictions.png",
        accounts=(replace(accounts[0], handle=old.handles[0]),) if alone else accounts,
        handles=() if alone else tuple(sorted(old.handles)),
        runs=(
            RunLink(kind="dataset", url=f"{old.wandb}/runs/data1/artifacts"),
            RunLink(kind="training", url=f"{old.wandb}/runs/train1"),
            RunLink(kind="report", url=report),
        ),
        prose="Trained for 4 epochs." if generation == "july_2020" else None,
    )


COUNTS = ("downloaded", "reposts", "dropped", "kept")
NAMES = (
    "Harbour Log ⚓", "Tom & Jerry", "A | B", "|", "a|b", '"quoted" \'name\'', "1 < 2 > 0 <b>",
    "AI BOT", "An AI Bot", "RETWEETS", "TWEETS_DL daily", "USER_NAME", "Quantity", "Data", "@x",
    "x bot",
    "🤖 AI BOT 🤖", "José ™", "日本語", "مرحبا", "*bold* `code`", "{{ 7 * 7 }}", "---",
)  # fmt: skip


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_one_account_of_any_name(name: str, generation: Generation) -> None:
    old = all_of([name])
    assert import_readme(generation(old)) == expected(old, generation.__name__)


@pytest.mark.parametrize(
    "names",
    [
        ("Ann", "Bo"),
        ("Ann", "Bo", "Cy"),
        ("Ann", "Bob & Co", "Tom & Jerry"),
        ("A | B", "Cy"),
        ("A | B", "C & D", "AI BOT"),
        ("a|b", "|", "Cy"),
        ("ROBOT LAB & RETWEETS daily", "Bo"),
        ("TWEETS_DL", "SHORT_TWEETS x", "TWEETS_KEPT"),
        ("ROBOT | BOT", "BOT & RETWEETS"),
        ("Ann", "Ann", "Ann"),
        ("NaN", "مرحبا", "日本 🎤"),
    ],
)
def test_several_accounts_of_any_names(names: tuple[str, ...]) -> None:
    old = all_of(names)
    assert import_readme(may_2021(old)) == expected(old, "may_2021")


def test_a_handle_of_several_belongs_to_no_name() -> None:
    card = import_readme(may_2021(all_of(["Ann", "Bo", "Zed"])))
    assert card.handles == ("ann_1", "mid", "zoetrope")
    assert [account.handle for account in card.accounts] == [None, None, None]


def test_names_that_cannot_be_told_apart_are_kept_as_text() -> None:
    text = may_2021(all_of(["A", "B | C"])).replace("A & B | C", "something else")
    card = import_readme(text)
    assert [account.name for account in card.accounts] == [None, None]
    assert card.prose == "Made of the tweets of something else."
    assert [a.posts.kept for a in card.accounts if a.posts] == [1240, 800]


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.__name__)
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
@pytest.mark.parametrize("lost", ["\uf8ff", ""])
def test_mojibake_is_mended(generation: Generation, encoding: str, lost: str) -> None:
    old = all_of(["Łódź 🥚❤️ José"])
    damaged = misread(generation(old), encoding).replace("\uf8ff", lost)
    assert import_readme(damaged) == expected(old, generation.__name__)


def test_references_in_a_name_are_read_as_a_page_shows_them() -> None:
    card = import_readme(may_2021(all_of(["Q&amp;A &lt;3"])))
    assert card.accounts[0].name == "Q&A <3"


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.__name__)
def test_what_a_person_added_is_kept(generation: Generation) -> None:
    added = "\n## Our licence\n\nDo as you like.\n\n    indented\n\n| a | b |\n| - | - |\n"
    text = generation(Old()).replace("## About\n", f"{added}\n## About\n")
    text = text.replace("language: en\n", "license: mit # ours\nlanguage: en\n")
    card = import_readme(text)
    assert added.strip() in (card.prose or "")
    assert card.metadata == {"license": "mit"}
    assert card.comments == ("ours",)
    assert import_readme(RENDERER.render(card)) == card


def test_a_changed_sentence_is_kept_whole_and_its_facts_are_read() -> None:
    text = may_2021(Old()).replace("[Explore the data]", "Please [Explore the data]")
    card = import_readme(text)
    assert card.runs[0] == expected(Old(), "may_2021").runs[0]
    assert (card.prose or "").startswith("Please [Explore the data](https://wandb.ai")


def test_a_table_that_does_not_add_up_is_kept_as_text() -> None:
    card = import_readme(may_2021(all_of(["Ann", "Bo"])).replace("| 150 | 10 |", "| 150 |"))
    assert not any(account.posts for account in card.accounts)
    assert "Tweets kept: 1240 &#124; 800 &#124;" in (card.prose or "")


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.__name__)
@pytest.mark.parametrize("change", ["\r\n", "\ufeff"])
def test_line_ends_and_byte_order_marks_do_not_matter(generation: Generation, change: str) -> None:
    text = generation(Old())
    text = text.replace("\n", "\r\n") if change == "\r\n" else change + text
    assert import_readme(text) == expected(Old(), generation.__name__)


def test_the_name_that_is_known_wins_over_the_example() -> None:
    card = import_readme(july_2020(Old()), repo="renamed")
    assert card.repo == "renamed"
    assert card.accounts[0].handle == "harbourlog"


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.__name__)
def test_import_and_render_and_import_is_the_identity(generation: Generation) -> None:
    card = import_readme(generation(Old()))
    assert import_readme(RENDERER.render(card)) == card


@pytest.mark.skipif(not SEEDS.is_dir(), reason="needs ../shared/seeds")
@pytest.mark.parametrize(
    ("seed", "repo", "names", "handles", "kept"),
    [
        (
            "000",
            "formernumber-wmason_iv-wyattmaxon",
            ["NaN", "MaX 🎤", "ivy 🥩🎙️"],
            [None, None, None],
            [2595, 2598, 2611],
        ),
        ("001", "tarp1_t", ["tarpit"], ["tarp1_t"], [1072]),
        ("002", "natureneuro", ["Nature Neuroscience"], ["natureneuro"], [2229]),
        ("003", "thisisaito", ["aito.eth 🥚❤️"], ["thisisaito"], [382]),
        ("004", "tylerthecreator", ["Tyler, The Creator"], ["tylerthecreator"], [2128]),
    ],
)
def test_real_cards(
    seed: str, repo: str, names: list[str], handles: list[str | None], kept: list[int]
) -> None:
    (file,) = SEEDS.glob(f"{seed}_*.txt")
    card = import_readme(file.read_text(encoding="utf-8"))
    assert card.repo == repo
    assert [account.name for account in card.accounts] == names
    assert [account.handle for account in card.accounts] == handles
    assert [account.posts.kept for account in card.accounts if account.posts] == kept
    assert all((a.avatar or "").startswith("https://pbs.twimg.com/") for a in card.accounts)
    assert [run.kind for run in card.runs] == ["dataset", "training", "report"]
    assert card.prose is None
    assert not card.metadata
    assert import_readme(RENDERER.render(card)) == card
