"""How well a model predicts posts that it has never seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubtools.training.base import Base, quiet_transformers
from hubtools.training.step import loss_of, padded
from hubtools.training.tokens import Row, tokenize

if TYPE_CHECKING:
    import torch

_TOKENS = 2048  # looked at at once, unless a single row has more


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Loss over held-out posts and their ends."""

    posts: int
    loss: float
    """Mean a token, in nats."""
    bits_per_byte: float
    """All bits, those of the ends included, by the posts' UTF-8 bytes: tokenizers compare."""


def likelihoods(base: Base, texts: Sequence[str]) -> list[float]:
    """For each text its mean log-likelihood a token, in nats (0 is certain), its end included."""
    import torch

    rows = tokenize(base.tokenizer, texts, (base.start, base.end), base.context)
    base.model.eval()
    with torch.inference_mode(), quiet_transformers():
        batches = (padded((row,), base.device) for row in rows)
        return [-loss_of(base.model, *batch).mean().item() for batch in batches]


def evaluate(base: Base, texts: Sequence[str]) -> HeldOut:
    """Loss and bits per byte of at least one text; what the context cuts off is not counted."""
    whole = tokenize(base.tokenizer, texts, (base.start, base.end), None)
    size = sum(_bytes(base, text, row) for text, row in zip(texts, whole, strict=True))
    losses = list(_losses(base, [row[: base.context] for row in whole]))
    nats, tokens = sum(loss.sum().item() for loss in losses), sum(map(len, losses))
    return HeldOut(len(texts), nats / tokens, nats / math.log(2) / max(1, size))


def mean_loss(base: Base, rows: Sequence[Row]) -> float:
    """Mean loss a token over at least one row, in nats."""
    losses = list(_losses(base, rows))
    return sum(loss.sum().item() for loss in losses) / sum(map(len, losses))


def _bytes(base: Base, text: str, row: Row) -> int:
    """UTF-8 bytes of as much of `text` as the context takes."""
    if len(row) <= base.context:
        return len(text.encode())
    return len(str(base.tokenizer.decode(list(row[1 : base.context]))).encode())


def _losses(base: Base, rows: Sequence[Row]) -> Iterator[torch.Tensor]:
    """The losses of all tokens, in batches of rows of similar length, always in fp32."""
    import torch

    base.model.eval()
    batch: list[Row] = []
    with torch.inference_mode(), quiet_transformers():
        for row in sorted(rows, key=len):
            if batch and len(row) * (len(batch) + 1) > _TOKENS:
                yield loss_of(base.model, *padded(tuple(batch), base.device))
                batch = []
            batch.append(row)
        yield loss_of(base.model, *padded(tuple(batch), base.device))
