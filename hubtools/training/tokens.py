"""Posts as rows of tokens, and the batches of one pass over them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Row = tuple[int, ...]
Batch = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class TokenBlocks:
    """The rows of each account: start token, the post, end token."""

    accounts: tuple[tuple[Row, ...], ...]

    @property
    def tokens(self) -> int:
        """Tokens that one pass trains on: every account counts as much as the largest."""
        return max(map(_tokens, self.accounts)) * len(self.accounts)


def tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], ends: tuple[int, int], context: int
) -> tuple[Row, ...]:
    """Each text as a row: `ends[0]`, its tokens, `ends[1]`; cut to `context` tokens.

    A text that is cut has no end token: it did not end there.
    """
    start, end = ends
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
    return tuple((start, *ids, end)[:context] for ids in encoded)


def batches_of_pass(
    blocks: TokenBlocks, tokens_per_step: int, seed: int, number: int
) -> tuple[Batch, ...]:
    """The batches of pass `number`: a function of the seed alone, so a resumed run sees the same.

    Smaller accounts are repeated until each has as many tokens as the largest. Rows of similar
    length meet in a batch, which holds at most `tokens_per_step` tokens with its padding.
    """
    order = random.Random(f"{seed}/{number}")
    rows = [row for account in _balanced(blocks, order) for row in account]
    order.shuffle(rows)
    rows.sort(key=len)
    batches = _cut(rows, tokens_per_step)
    order.shuffle(batches)
    return tuple(batches)


def _tokens(rows: Sequence[Row]) -> int:
    return sum(len(row) - 1 for row in rows)


def _balanced(blocks: TokenBlocks, order: random.Random) -> list[list[Row]]:
    largest = max(map(_tokens, blocks.accounts))
    return [_repeated(rows, largest, order) for rows in blocks.accounts]


def _repeated(rows: Sequence[Row], tokens: int, order: random.Random) -> list[Row]:
    """All rows, and again in a new order until there are `tokens` of them."""
    chosen, left = list(rows), tokens - _tokens(rows)
    while left > 0:
        for row in order.sample(rows, len(rows)):
            if left <= 0:
                break
            chosen.append(row)
            left -= len(row) - 1
    return chosen


def _cut(rows: Sequence[Row], tokens_per_step: int) -> list[Batch]:
    """Consecutive rows, from short to long, in batches that fit when padded to the longest."""
    batches: list[Batch] = []
    current: list[Row] = []
    for row in rows:
        if current and len(row) * (len(current) + 1) > tokens_per_step:
            batches.append(tuple(current))
            current = []
        current.append(row)
    return [*batches, tuple(current)] if current else batches
