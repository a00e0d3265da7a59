"""Byte n-gram models of the same posts: the baselines that a language model has to beat.

Interpolated by Witten and Bell's rule ("The zero-frequency problem", IEEE Transactions on
Information Theory 37, 1991): for a context that was followed n times by t distinct bytes, the next
shorter context weighs t / (n + t).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

_END = 256
_SYMBOLS = 257  # all bytes, and the end of a text


class ByteNgram:
    """Predicts each byte of a text from the `order` - 1 before it, and where the text ends."""

    def __init__(self, texts: Iterable[str], order: int) -> None:
        self._order = order
        self._after: list[defaultdict[bytes, Counter[int]]] = [
            defaultdict(Counter) for _ in range(order)
        ]
        for text in texts:
            data = text.encode()
            for place, symbol in enumerate((*data, _END)):
                for length in range(min(order, place + 1)):
                    self._after[length][data[place - length : place]][symbol] += 1

    def bits_per_byte(self, texts: Sequence[str]) -> float:
        """Bits of all texts and their ends, by their UTF-8 bytes; comparable with a model's."""
        bits = sum(self._bits(text.encode()) for text in texts)
        return bits / max(1, sum(len(text.encode()) for text in texts))

    def _bits(self, data: bytes) -> float:
        return -sum(
            math.log2(self._probability(data[max(0, place + 1 - self._order) : place], symbol))
            for place, symbol in enumerate((*data, _END))
        )

    def _probability(self, context: bytes, symbol: int) -> float:
        """The probability of `symbol` behind `context`."""
        probability = 1 / _SYMBOLS
        for length in range(len(context) + 1):
            counts = self._after[length].get(context[len(context) - length :])
            if counts is None:
                break
            total, kinds = counts.total(), len(counts)
            probability = (counts[symbol] + kinds * probability) / (total + kinds)
        return probability
