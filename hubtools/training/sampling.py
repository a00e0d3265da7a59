"""How a model is sampled, in predictions and in its `generation_config.json`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn; the defaults are the predecessor's, its implicit `top_k` included."""

    temperature: float = 1.0
    top_p: float = 0.95
    top_k: int = 50
    max_tokens: int = 160
    """Of the whole text: the prompt counts."""
    min_tokens: int = 10
