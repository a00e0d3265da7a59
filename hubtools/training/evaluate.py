"""How well a model predicts posts that it has never seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hubtools.training.base import Base, quiet_transformers
from hubtools.training.loop import autocast, loss_of, padded
from hubtools.training.tokens import tokenize

_ROWS = 16


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
    with torch.inference_mode(), quiet_transformers(), autocast(base.device):
        batches = (padded((row,), base.device) for row in rows)
        return [-loss_of(base.model, *batch).mean().item() for batch in batches]


def evaluate(base: Base, texts: Sequence[str]) -> HeldOut:
    """Loss and bits per byte of at least one text; what the context cuts off is not counted."""
    import torch

    rows = tokenize(base.tokenizer, texts, (base.start, base.end), base.context)
    special = {base.start, base.end}
    seen = [[token for token in row if token not in special] for row in rows]
    size = sum(len(text.encode()) for text in base.tokenizer.batch_decode(seen))
    nats, tokens = 0.0, 0
    by_length = sorted(rows, key=len)
    base.model.eval()
    with torch.inference_mode(), quiet_transformers():
        for first in range(0, len(by_length), _ROWS):
            inputs, labels = padded(tuple(by_length[first : first + _ROWS]), base.device)
            with autocast(base.device):
                losses = loss_of(base.model, inputs, labels)
            nats += losses.sum().item()
            tokens += losses.numel()
    return HeldOut(len(texts), nats / tokens, nats / math.log(2) / max(1, size))
