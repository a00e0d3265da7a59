"""What a model is compared with, and what of held-out posts and predictions is counted."""

from __future__ import annotations

import math

import pytest

from hubtools.training.memorization import TrainingIndex, distinct_2
from hubtools.training.ngram import ByteNgram
from tests.training.makers import posts


def test_a_context_never_seen_leaves_it_to_shorter_ones() -> None:
    # "ab", then the end: after nothing stand a, b and the end once each, of 257 symbols.
    unigram = (1 + 3 / 257) / 6
    assert ByteNgram(["ab"], 1).bits_per_byte(["a"]) == pytest.approx(-2 * math.log2(unigram))
    # After "a" stood "b" once, never the end: half of it is the unigram's say.
    end = 0.5 * unigram
    expected = -(math.log2(unigram) + math.log2(end))
    assert ByteNgram(["ab"], 2).bits_per_byte(["a"]) == pytest.approx(expected)


def test_shares_of_all_symbols_are_one_together() -> None:
    model = ByteNgram(posts(20), 3)
    for context in (b"", b"T", b"To", b"zq"):
        assert sum(model._share(context, symbol) for symbol in range(257)) == pytest.approx(1)


def test_longer_contexts_predict_better_what_is_like_the_posts() -> None:
    train, held_out = posts(220)[:200], posts(220)[200:]
    bits = [ByteNgram(train, order).bits_per_byte(held_out) for order in (1, 3, 5)]
    assert bits == sorted(bits, reverse=True)
    assert ByteNgram(train, 5).bits_per_byte(["⚓ naïve"]) > 8


INDEX = TrainingIndex(
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
    assert INDEX.is_near(text)


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
    assert not INDEX.is_near(text)


def test_diversity_is_the_share_of_different_pairs() -> None:
    assert distinct_2(["one two three", "one two four"]) == 3 / 4
    assert distinct_2(["same words here"] * 4) == 0.25
    assert distinct_2(["one", ""]) == 0
