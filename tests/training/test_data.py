"""Posts become rows of tokens, and every account weighs the same."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubtools.training.base import Base, make_base
from hubtools.training.data import (
    IGNORE_INDEX,
    Row,
    TokenRows,
    length_sorted_batches,
    pad_batch,
    pad_to,
    tokenize,
)
from hubtools.training.evaluate import token_losses
from hubtools.training.recipe import Recipe
from tests.training.makers import posts

ROWS = st.lists(st.lists(st.integers(1, 50), min_size=2, max_size=30).map(tuple), min_size=1)
DATA = st.lists(ROWS.map(tuple), min_size=1, max_size=3).map(lambda a: TokenRows(tuple(a)))


@given(DATA, st.integers(0, 9))
def test_an_epoch_has_every_post_and_batches_fit(data: TokenRows, seed: int) -> None:
    batches = length_sorted_batches(data, 64, seed, 0)
    seen = Counter(row for batch in batches for row in batch)
    assert not Counter(row for rows in data.accounts for row in rows) - seen
    assert all(len(batch) * max(map(len, batch)) <= 64 or len(batch) == 1 for batch in batches)


def test_accounts_of_different_size_weigh_the_same() -> None:
    many: tuple[Row, ...] = tuple((1, n, 2) for n in range(10, 110))
    few: tuple[Row, ...] = ((3, 4, 5, 6, 7), (3, 8, 9, 2, 7))
    batches = length_sorted_batches(TokenRows((many, few)), 100, 0, 0)
    tokens = Counter(row[0] for batch in batches for row in batch for _ in row[1:])
    assert tokens[1] == 200
    assert abs(tokens[3] - 200) < 5


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    data = TokenRows((tuple((1, n, 2) for n in range(50)),))
    assert length_sorted_batches(data, 30, 7, 3) == length_sorted_batches(data, 30, 7, 3)
    assert length_sorted_batches(data, 30, 7, 3) != length_sorted_batches(data, 30, 7, 4)
    assert length_sorted_batches(data, 30, 7, 3) != length_sorted_batches(data, 30, 8, 3)


@pytest.fixture(scope="module")
def base(recipe: Recipe) -> Base:
    return make_base("scratch", recipe, posts(60), 0)


def test_a_row_is_start_post_end(base: Base) -> None:
    text = "Today the fog misplaced one oar. ⚓ naïve"
    (row,) = tokenize(base, [text], 64)
    assert (row[0], row[-1]) == (base.start, base.end)
    assert base.tokenizer.decode(row[1:-1]) == text


def test_a_truncated_post_has_no_end(base: Base) -> None:
    (row,) = tokenize(base, ["word " * 200], 64)
    assert len(row) == 64
    assert base.end not in row[1:]


def test_padding_changes_no_loss(base: Base) -> None:
    rows = sorted(tokenize(base, posts(60)), key=len)
    short, long = rows[0], rows[-1]
    assert len(short) < len(long)
    base.model.eval()
    with torch.inference_mode():
        alone = token_losses(base.model, *pad_batch((short,), "cpu"))
        padded = token_losses(base.model, *pad_batch((short, long), "cpu"))[: len(short) - 1]
    torch.testing.assert_close(alone, padded)


def test_the_end_of_a_post_is_learned_and_padding_is_not() -> None:
    inputs, labels = pad_batch(((9, 1, 2, 9), (9, 3, 9)), "cpu")
    assert inputs.tolist() == [[9, 1, 2], [9, 3, 9]]
    assert labels.tolist() == [[1, 2, 9], [3, 9, IGNORE_INDEX]]
    inputs, labels = pad_to(inputs, labels, (3, 4))
    assert inputs.shape == labels.shape == (3, 4)
    assert labels[2].tolist() == [IGNORE_INDEX] * 4
    assert labels[:, 3].tolist() == [IGNORE_INDEX] * 3
