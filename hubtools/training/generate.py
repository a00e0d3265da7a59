"""Prompt a model as its card does.

Rows of one length are continued together, so there is no padding and no mask; the prompt is read
once for all of its continuations; and a row that has ended is worked on no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import UsageError
from hubtools.training.base import Base, quiet_transformers

if TYPE_CHECKING:
    import torch

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
    return predict_all(base, [prompt], count, seed, sampling)[0]


def predict_all(
    base: Base, prompts: Sequence[str], count: int, seed: int, sampling: Sampling
) -> list[list[str]]:
    """For each prompt `count` texts that begin with it, those of prompts of one length at once.

    Raises UsageError for a prompt that leaves no room.
    """
    encoded = [_encoded(base, prompt, sampling) for prompt in prompts]
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for number, ids in enumerate(encoded):
        by_length[len(ids)] += [number] * count
    texts: list[list[str]] = [[] for _ in prompts]
    random = _generator(base, seed)
    for numbers in by_length.values():
        for first in range(0, len(numbers), _ROWS):
            batch = numbers[first : first + _ROWS]
            rows = [list(encoded[number]) for number in batch]
            for ended in _continue(base, rows, sampling, random):
                for row, token in ended:
                    rows[row].append(token)
            for number, text in zip(batch, _texts(base, rows), strict=True):
                texts[number].append(text)
    return texts


def stream(base: Base, prompt: str, seed: int, sampling: Sampling) -> Iterator[str]:
    """The first of the texts that `predict` would make, piece by piece as it is made.

    Raises UsageError for a prompt that leaves no room.
    """
    row = list(_encoded(base, prompt, sampling))
    said = ""
    for ((_, token),) in _continue(base, [row.copy()], sampling, _generator(base, seed)):
        row.append(token)
        text = _texts(base, [row])[0]
        # Half a character is not said before its other half is there.
        if text.startswith(said) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
            yield text[len(said) :]
            said = text


def _encoded(base: Base, prompt: str, sampling: Sampling) -> list[int]:
    ids: list[int] = base.tokenizer(prompt)["input_ids"]
    most = min(sampling.max_length, base.context)
    if len(ids) >= most:
        raise UsageError(
            f"the prompt is {len(ids)} tokens long", fix=f"The model continues at most {most - 1}"
        )
    return ids


def _generator(base: Base, seed: int) -> torch.Generator:
    import torch

    return torch.Generator(base.device).manual_seed(seed)


def _continue(
    base: Base, rows: Sequence[Sequence[int]], sampling: Sampling, random: torch.Generator
) -> Iterator[list[tuple[int, int]]]:
    """For rows of one length, after each step: every row that has not ended, and its next token."""
    import torch
    from transformers import DynamicCache

    model: Any = base.model
    model.eval()
    distinct = list(dict.fromkeys(map(tuple, rows)))
    alive = torch.arange(len(rows))
    length, most = len(rows[0]), min(sampling.max_length, base.context)
    cache: Any = DynamicCache(config=model.config)
    with torch.inference_mode(), quiet_transformers():
        inputs = torch.tensor(distinct, device=base.device)
        logits = model(input_ids=inputs, past_key_values=cache, use_cache=True).logits[:, -1]
        copies = torch.tensor([distinct.index(tuple(row)) for row in rows], device=base.device)
        if len(distinct) < len(rows):
            cache.batch_select_indices(copies)
            logits = logits[copies]
        while True:
            if length < sampling.min_length:
                logits[:, base.end] = -torch.inf
            chosen = _choose(logits.float(), sampling, random)
            yield list(zip(alive.tolist(), chosen.tolist(), strict=True))
            length += 1
            going = (chosen != base.end).nonzero().flatten()
            if length >= most or not len(going):
                return
            if len(going) < len(alive):
                cache.batch_select_indices(going)
                alive, chosen = alive[going.cpu()], chosen[going]
            logits = model(input_ids=chosen[:, None], past_key_values=cache, use_cache=True).logits[
                :, -1
            ]


def _choose(logits: torch.Tensor, sampling: Sampling, random: torch.Generator) -> torch.Tensor:
    """One token for each row of `logits` [rows, vocabulary]: [rows].

    As transformers does it: by temperature, of the `top_k` likeliest, the fewest that have
    `top_p` of their probability together.
    """
    import torch

    count = min(sampling.top_k or logits.shape[1], logits.shape[1])
    likeliest, tokens = (logits / sampling.temperature).topk(count)
    shares = likeliest.softmax(-1)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before >= sampling.top_p, 0.0)
    return tokens.gather(1, torch.multinomial(shares, 1, generator=random)).flatten()


def _texts(base: Base, rows: Sequence[Sequence[int]]) -> list[str]:
    """Rows as text, from behind the start token to the first end token."""
    cut = []
    for row in rows:
        tokens = list(row[1:]) if list(row[:1]) == [base.start] else list(row)
        cut.append(tokens[: tokens.index(base.end)] if base.end in tokens else tokens)
    decoded: list[str] = base.tokenizer.batch_decode(cut, skip_special_tokens=True)
    return [text.strip() for text in decoded]
