"""Byte n-grams, the baselines of a model."""

from __future__ import annotations

import math

import pytest

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


def test_probabilities_sum_to_one() -> None:
    model = ByteNgram(posts(20), 3)
    for context in (b"", b"T", b"To", b"zq"):
        assert sum(model._probability(context, symbol) for symbol in range(257)) == pytest.approx(1)


def test_longer_contexts_predict_better_what_is_like_the_posts() -> None:
    train, test = posts(220)[:200], posts(220)[200:]
    bits = [ByteNgram(train, order).bits_per_byte(test) for order in (1, 3, 5)]
    assert bits == sorted(bits, reverse=True)
    assert ByteNgram(train, 5).bits_per_byte(["⚓ naïve"]) > 8
