"""Posts become rows of their own, and every account weighs the same."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.training.base import make_base
from hubtools.training.recipe import Recipe
from hubtools.training.tokens import Row, TokenBlocks, batches_of_pass, tokenize
from tests.training.makers import posts

ROWS = st.lists(st.lists(st.integers(1, 50), min_size=2, max_size=30).map(tuple), min_size=1)
BLOCKS = st.lists(ROWS.map(tuple), min_size=1, max_size=3).map(lambda a: TokenBlocks(tuple(a)))


@given(BLOCKS, st.integers(0, 9))
def test_a_pass_holds_every_post_and_fits_its_batches(blocks: TokenBlocks, seed: int) -> None:
    batches = batches_of_pass(blocks, 64, seed, 0)
    seen = Counter(row for batch in batches for row in batch)
    assert not Counter(row for rows in blocks.accounts for row in rows) - seen
    assert all(len(batch) * max(map(len, batch)) <= 64 or len(batch) == 1 for batch in batches)


def test_accounts_of_different_size_weigh_the_same() -> None:
    many: tuple[Row, ...] = tuple((1, n, 2) for n in range(10, 110))
    few: tuple[Row, ...] = ((3, 4, 5, 6, 7), (3, 8, 9, 2, 7))
    batches = batches_of_pass(TokenBlocks((many, few)), 100, 0, 0)
    tokens = Counter(row[0] for batch in batches for row in batch for _ in row[1:])
    assert tokens[1] == 200
    assert abs(tokens[3] - 200) < 5


def test_a_pass_depends_on_seed_and_number_alone() -> None:
    blocks = TokenBlocks((tuple((1, n, 2) for n in range(50)),))
    assert batches_of_pass(blocks, 30, 7, 3) == batches_of_pass(blocks, 30, 7, 3)
    assert batches_of_pass(blocks, 30, 7, 3) != batches_of_pass(blocks, 30, 7, 4)
    assert batches_of_pass(blocks, 30, 7, 3) != batches_of_pass(blocks, 30, 8, 3)


@pytest.fixture(scope="module")
def base(recipe: Recipe):  # type: ignore[no-untyped-def]
    return make_base("scratch", recipe, posts(60), 0)


def test_a_row_is_start_post_end(base) -> None:  # type: ignore[no-untyped-def]
    text = "Today the fog misplaced one oar. ⚓ naïve"
    (row,) = tokenize(base.tokenizer, [text], (base.start, base.end), 64)
    assert (row[0], row[-1]) == (base.start, base.end)
    assert base.tokenizer.decode(row[1:-1]) == text


def test_a_post_that_is_cut_has_no_end(base) -> None:  # type: ignore[no-untyped-def]
    (row,) = tokenize(base.tokenizer, ["word " * 200], (base.start, base.end), 64)
    assert len(row) == 64
    assert base.end not in row[1:]
