"""How well a model predicts texts: cross-entropy, perplexity, bits per byte."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hubtools.training.base import Base, quiet_transformers
from hubtools.training.data import IGNORE_INDEX, Row, pad_batch, tokenize

_TOKENS = 2048  # of a batch, unless a single row has more


@dataclass(frozen=True, slots=True)
class Score:
    """Cross-entropy over texts and their ends."""

    texts: int
    loss: float
    """Mean, nats/token."""
    bits_per_byte: float
    """All bits, those of the ends included, per UTF-8 byte, so that tokenizers compare."""

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)


def evaluate(base: Base, texts: Sequence[str]) -> Score:
    """Score at least one text; what the context cuts off is not counted."""
    whole = tokenize(base, texts)
    size = sum(_bytes(base, text, row) for text, row in zip(texts, whole, strict=True))
    losses = list(_losses(base, [row[: base.context] for row in whole]))
    nats, tokens = sum(loss.sum().item() for loss in losses), sum(map(len, losses))
    return Score(len(texts), nats / tokens, nats / math.log(2) / max(1, size))


def mean_loss(base: Base, rows: Sequence[Row]) -> float:
    """Cross-entropy over at least one row, nats/token. Leaves the model in evaluation mode."""
    losses = list(_losses(base, rows))
    return sum(loss.sum().item() for loss in losses) / sum(map(len, losses))


def likelihoods(base: Base, texts: Sequence[str]) -> list[float]:
    """The mean log-likelihood of each text and its end, nats/token (0 is certain)."""
    base.model.eval()
    with torch.inference_mode(), quiet_transformers():
        batches = (pad_batch((row,), base.device) for row in tokenize(base, texts, base.context))
        return [-token_losses(base.model, *batch).mean().item() for batch in batches]


def token_losses(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of every token that is not padding, in nats: [tokens]."""
    logits = model(input_ids=inputs, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), reduction="none", ignore_index=IGNORE_INDEX
    )
    return losses[labels.flatten() != IGNORE_INDEX]


def _bytes(base: Base, text: str, row: Row) -> int:
    """UTF-8 bytes of as much of `text` as the context takes."""
    if len(row) <= base.context:
        return len(text.encode())
    return len(str(base.tokenizer.decode(list(row[1 : base.context]))).encode())


def _losses(base: Base, rows: Sequence[Row]) -> Iterator[torch.Tensor]:
    """The losses of all tokens, in batches of rows of similar length, always in fp32."""
    base.model.eval()
    batch: list[Row] = []
    with torch.inference_mode(), quiet_transformers():
        for row in sorted(rows, key=len):
            if batch and len(row) * (len(batch) + 1) > _TOKENS:
                yield token_losses(base.model, *pad_batch(tuple(batch), base.device))
                batch = []
            batch.append(row)
        yield token_losses(base.model, *pad_batch(tuple(batch), base.device))
