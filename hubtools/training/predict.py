"""Prompt a model as its card does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hubtools.errors import UsageError
from hubtools.training.base import Base, quiet_transformers

_ROWS = 64  # texts made at once; more would only fill memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The predecessor's sampling, its silent `top_k` of 50 said aloud."""

    top_p: float = 0.95
    top_k: int = 50
    temperature: float = 1.0
    max_length: int = 160
    """Tokens, those of the prompt included."""
    min_length: int = 10


def generation_config(base: Base, sampling: Sampling) -> Any:
    """What `generation_config.json` says, so that `pipeline` samples as the card does."""
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=True,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        temperature=sampling.temperature,
        max_length=min(sampling.max_length, base.context),
        min_length=sampling.min_length,
        bos_token_id=base.start,
        eos_token_id=base.end,
        pad_token_id=base.end,
    )


def predict(base: Base, prompt: str, count: int, seed: int, sampling: Sampling) -> list[str]:
    """`count` texts that begin with `prompt`, each cut where the model ends the post.

    Raises UsageError for a prompt that leaves no room.
    """
    import torch

    torch.manual_seed(seed)
    config = generation_config(base, sampling)
    encoded = encode_prompt(base, prompt, config)
    texts: list[str] = []
    model: Any = base.model
    with torch.inference_mode(), quiet_transformers():
        while len(texts) < count:
            config.num_return_sequences = min(_ROWS, count - len(texts))
            output = model.generate(**encoded, generation_config=config)
            texts += texts_of(base, output.tolist())
    return texts


def encode_prompt(base: Base, prompt: str, config: Any) -> Any:
    """The prompt's tokens, where the model is. Raises UsageError when they leave no room."""
    encoded = base.tokenizer(prompt, return_tensors="pt").to(base.model.device)
    if encoded["input_ids"].shape[1] >= config.max_length:
        raise UsageError(
            f"the prompt is {encoded['input_ids'].shape[1]} tokens long",
            fix=f"The model continues at most {config.max_length - 1}",
        )
    return encoded


def texts_of(base: Base, rows: Sequence[Sequence[int]]) -> list[str]:
    """Rows as text, from behind the start token to the first end token."""
    cut = []
    for row in rows:
        tokens = list(row[1:]) if row[:1] == [base.start] else list(row)
        cut.append(tokens[: tokens.index(base.end)] if base.end in tokens else tokens)
    decoded: list[str] = base.tokenizer.batch_decode(cut, skip_special_tokens=True)
    return [text.strip() for text in decoded]
