"""Posts as rows of tokens, and the batches of each epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from transformers import PreTrainedTokenizerBase

from hubtools.corpus.corpus import KeptPost
from hubtools.corpus.split import Split
from hubtools.training.base import Base
from hubtools.training.recipe import Recipe

IGNORE_INDEX = -100
"""The label that PyTorch's cross-entropy leaves out."""

Row = tuple[int, ...]
Batch = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class TokenRows:
    """The rows of each account: start token, the post's tokens, end token."""

    accounts: tuple[tuple[Row, ...], ...]

    @property
    def tokens(self) -> int:
        """Tokens of one epoch: every account weighs as much as the largest."""
        return max(map(count_tokens, self.accounts)) * len(self.accounts)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all accounts, one after the other."""
        return tuple(row for rows in self.accounts for row in rows)

    def __add__(self, other: TokenRows) -> TokenRows:
        """Each account's rows, followed by those that `other` has of the same account."""
        pairs = zip(self.accounts, other.accounts, strict=True)
        return TokenRows(tuple((*ours, *theirs) for ours, theirs in pairs))


@dataclass(frozen=True, slots=True)
class TrainData:
    """What a training run learns from, and what steers it."""

    train: TokenRows
    validation: TokenRows | None = None

    @property
    def all(self) -> TokenRows:
        """Both splits: what the decay phase of early stopping trains on."""
        return self.train + self.validation if self.validation else self.train


def prepare(base: Base, splits: Sequence[Split], recipe: Recipe) -> TrainData:
    """Tokenize the train and validation splits of each account.

    Rows are truncated to the model's context, unless the recipe packs them into blocks.
    """
    context = None if recipe.packing else base.context

    def rows(accounts: Sequence[Sequence[KeptPost]]) -> TokenRows:
        return TokenRows(
            tuple(tokenize(base, [post.text for post in posts], context) for posts in accounts)
        )

    validation = rows([split.validation for split in splits]) if recipe.early_stopping else None
    return TrainData(rows([split.train for split in splits]), validation)


def tokenize(base: Base, texts: Sequence[str], max_tokens: int | None = None) -> tuple[Row, ...]:
    """Each text as a row of token ids: start, text, end; truncated to `max_tokens`, if given.

    A truncated row has no end token, because the text did not end there.
    """
    tokenizer: PreTrainedTokenizerBase = base.tokenizer
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
    return tuple((base.start, *ids, base.end)[:max_tokens] for ids in encoded)


class Batches:
    """The batches of each epoch, a function of data, recipe and seed: a resumed run sees the same.

    With early stopping, epochs see the train split until the decay phase, which sees all posts.
    """

    def __init__(self, data: TrainData, recipe: Recipe, seed: int, context: int) -> None:
        self._data, self._recipe, self._seed = data, recipe, seed
        self._fixed: tuple[tuple[Batch, ...], ...] | None = None
        if recipe.packing is not None:
            block_size = min(recipe.packing.block_size, context)
            rows_per_step = recipe.tokens_per_step // recipe.packing.block_size
            self._fixed = packed_batches(data.all, block_size, rows_per_step, recipe.epochs, seed)
        elif recipe.early_stopping is None:
            self._fixed = tuple(self._sorted(data.all, epoch) for epoch in range(recipe.epochs))
        self.steps = (
            recipe.epochs * len(self._sorted(data.all, 0))
            if self._fixed is None
            else sum(map(len, self._fixed))
        )
        """Optimizer steps of all epochs; an estimate with early stopping."""

    def epoch(self, epoch: int, decaying: bool = False) -> tuple[Batch, ...]:
        """The batches of `epoch`, from 0; `decaying` in the decay phase of early stopping."""
        if self._fixed is not None:
            return self._fixed[epoch]
        return self._sorted(self._data.all if decaying else self._data.train, epoch)

    def _sorted(self, rows: TokenRows, epoch: int) -> tuple[Batch, ...]:
        return length_sorted_batches(rows, self._recipe.tokens_per_step, self._seed, epoch)


def length_sorted_batches(
    data: TokenRows, tokens_per_step: int, seed: int, epoch: int
) -> tuple[Batch, ...]:
    """The batches of one epoch, a post a row.

    Smaller accounts are repeated until each has as many tokens as the largest. Rows of similar
    length share a batch, which has at most `tokens_per_step` tokens, padding included.
    """
    order = random.Random(f"{seed}/{epoch}")
    rows = [row for account in _balanced(data, order) for row in account]
    order.shuffle(rows)
    rows.sort(key=len)
    batches = _cut(rows, tokens_per_step)
    order.shuffle(batches)
    return tuple(batches)


def packed_batches(
    data: TokenRows, block_size: int, rows_per_step: int, epochs: int, seed: int
) -> tuple[tuple[Batch, ...], ...]:
    """The batches of all epochs with all posts packed into one text, as huggingtweets had it.

    The posts of every epoch, shuffled, are joined by end tokens and cut into blocks of
    `block_size` tokens; the remainder is dropped and the blocks are shuffled across epochs. Fewer
    tokens than a block make one short block.
    """
    order = random.Random(f"{seed}/stream")
    text: list[int] = []
    for _ in range(epochs):
        for account in _balanced(data, order):
            for row in order.sample(account, len(account)):
                text += row[1:] if text else (row[-1], *row[1:])
    starts = range(0, max(1, len(text) - block_size + 1), block_size)
    blocks = [tuple(text[start : start + block_size]) for start in starts]
    order.shuffle(blocks)
    batches = [
        tuple(blocks[first : first + rows_per_step])
        for first in range(0, len(blocks), rows_per_step)
    ]
    ends = [round(len(batches) * number / epochs) for number in range(epochs + 1)]
    return tuple(tuple(batches[a:b]) for a, b in pairwise(ends))


def pad_batch(batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels, [rows, longest row - 1]; padding has the label IGNORE_INDEX.

    Padding stands at the end, where a causal model never looks back from, so no mask is needed.
    """
    width = max(map(len, batch))
    rows = torch.tensor([row + (row[0],) * (width - len(row)) for row in batch])
    lengths = torch.tensor([len(row) for row in batch])
    labels = rows[:, 1:].clone()
    labels[torch.arange(1, width) >= lengths[:, None]] = IGNORE_INDEX
    return rows[:, :-1].to(device, non_blocking=True), labels.to(device, non_blocking=True)


def pad_to(
    inputs: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels padded to `shape`, [rows, width]."""
    rows, width = shape
    added = (0, width - inputs.shape[1], 0, max(0, rows - inputs.shape[0]))
    pad = torch.nn.functional.pad
    return pad(inputs, added), pad(labels, added, value=IGNORE_INDEX)


def count_tokens(rows: Sequence[Row]) -> int:
    """How many tokens of the rows are predicted: all but each row's first."""
    return sum(len(row) - 1 for row in rows)


def _balanced(data: TokenRows, order: random.Random) -> list[list[Row]]:
    largest = max(map(count_tokens, data.accounts))
    return [_repeated(rows, largest, order) for rows in data.accounts]


def _repeated(rows: Sequence[Row], tokens: int, order: random.Random) -> list[Row]:
    """All rows, and again in a new order until there are `tokens` of them."""
    chosen, left = list(rows), tokens - count_tokens(rows)
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
