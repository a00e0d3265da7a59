"""Posts as rows of tokens, and the batches of one pass over them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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

    @property
    def rows(self) -> tuple[Row, ...]:
        """Of all accounts, one behind the other."""
        return tuple(row for rows in self.accounts for row in rows)

    def joined(self, other: TokenBlocks) -> TokenBlocks:
        """Each account's rows, and behind them those that `other` has of the same account."""
        pairs = zip(self.accounts, other.accounts, strict=True)
        return TokenBlocks(tuple((*ours, *theirs) for ours, theirs in pairs))


def tokenize(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    ends: tuple[int, int],
    context: int | None,
) -> tuple[Row, ...]:
    """Each text as a row: `ends[0]`, its tokens, `ends[1]`; cut to `context` tokens, if given.

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


def batches_of_stream(
    blocks: TokenBlocks, block: int, size: int, epochs: int, seed: int
) -> tuple[tuple[Batch, ...], ...]:
    """The batches of all passes when all posts are one text: huggingtweets' way.

    The posts of every pass, in an order of its own, stand one behind the other with an end token
    before, between and after them. That is cut into blocks of `block` tokens, what is left over
    is dropped, and the blocks come in an order by chance, `size` at a time. So a pass is only as
    many tokens as the posts have. Less than a block is one short block.
    """
    order = random.Random(f"{seed}/stream")
    text: list[int] = []
    for _ in range(epochs):
        for account in _balanced(blocks, order):
            for row in order.sample(account, len(account)):
                text += row[1:] if text else (row[-1], *row[1:])
    starts = range(0, max(1, len(text) - block + 1), block)
    cut = [tuple(text[start : start + block]) for start in starts]
    order.shuffle(cut)
    batches = [tuple(cut[first : first + size]) for first in range(0, len(cut), size)]
    ends = [round(len(batches) * number / epochs) for number in range(epochs + 1)]
    return tuple(tuple(batches[a:b]) for a, b in pairwise(ends))


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
