"""Whether a text repeats a training post or nearly is one, and how varied texts are."""

from __future__ import annotations

import pytest

from hubtools.training.memorization import TrainingIndex, distinct_2, words

INDEX = TrainingIndex(
    [
        "The heron has asked for a meeting about the herring before breakfast.",
        "Still fog.",
        "灯台は今日も霧の中で静かに光っています",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "The heron has asked for a meeting about the herring before breakfast.",
        "the HERON has asked for a meeting about the herring, before breakfast!",
        "The heron has asked for a meeting about the herring @gull https://example.org/x",
        "still fog",
        "The heron has asked for a meeting about the kettle again",
        "灯台は今日も霧の中で静かに眠ります",
    ],
)
def test_repeats(text: str) -> None:
    assert INDEX.repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "The heron has asked for a kettle.",
        "A gull asked for a meeting about nothing and the meeting went on until noon, then rain.",
        "Fog still.",
        "",
        "灯台は明日は休みです",
    ],
)
def test_says_something_of_its_own(text: str) -> None:
    assert not INDEX.repeats(text)


def test_the_longest_run_is_counted_in_words() -> None:
    assert INDEX.longest_run(words("well, a meeting about the herring! And then")) == 5
    assert INDEX.longest_run(words("a meeting about")) == 0


def test_links_and_handles_are_no_words() -> None:
    assert words("@ada@quays.example ﬁsh & Chips https://x.y/z don't") == ("fish", "chips", "don't")


# Near-duplicates, and diversity

FERRIES = TrainingIndex(
    ["The ferry leaves at nine from the old pier as it does every day", "Still fog.", "⚓"]
)


@pytest.mark.parametrize(
    "text",
    [
        "the ferry leaves at nine, from the old pier, as it does every day!!",
        "@gull The ferry leaves at nine from the old pier as it does every day https://t.co/x",
        "The ferry leaves at nine from the old pier as it does every year",
        "still fog",
    ],
)
def test_near_duplicates(text: str) -> None:
    assert FERRIES.is_near(text)


@pytest.mark.parametrize(
    "text",
    [
        "The ferry leaves at ten from the new pier as it did every Sunday",
        "The ferry leaves at nine from the old pier",
        "Still no fog",
        "🌫️",
        "",
    ],
)
def test_posts_that_are_new(text: str) -> None:
    assert not FERRIES.is_near(text)


def test_diversity_is_the_probability_of_different_pairs() -> None:
    assert distinct_2(["one two three", "one two four"]) == 3 / 4
    assert distinct_2(["same words here"] * 4) == 0.25
    assert distinct_2(["one", ""]) == 0
