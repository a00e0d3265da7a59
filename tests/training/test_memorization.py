"""Whether a prediction repeats a training post."""

from __future__ import annotations

import pytest

from hubtools.training.memorization import TrainingIndex, words

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
