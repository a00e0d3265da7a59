"""Generate texts from prompts, with the sampling that the card recommends.

Rows of one length are continued together, so there is no padding and no mask; a prompt is read
once for all of its continuations; a row that has ended leaves the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import DynamicCache, GenerationConfig

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Task
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.sampling import Sampling

_ROWS = 64  # texts generated at once; more would only fill memory


def generation_config(base: Base, sampling: Sampling) -> Any:
    """The `generation_config.json` with which `pipeline` samples as we do."""
    return GenerationConfig(
        do_sample=True,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        temperature=sampling.temperature,
        max_length=min(sampling.max_tokens, base.context),
        min_length=sampling.min_tokens,
        bos_token_id=base.start,
        eos_token_id=base.end,
        pad_token_id=base.end,
    )


def predict(
    base: Base,
    prompt: str,
    count: int,
    seed: int,
    sampling: Sampling,
    *,
    task: Task | None = None,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Generate `count` texts that begin with `prompt`, each up to where the model ends it.

    Raises UsageError for a prompt that is too long, CancelledError once `cancel` is set.
    """
    return predict_all(base, [prompt], count, seed, sampling, task=task, cancel=cancel)[0]


def predict_all(
    base: Base,
    prompts: Sequence[str],
    count: int,
    seed: int,
    sampling: Sampling,
    *,
    task: Task | None = None,
    cancel: CancelToken | None = None,
) -> list[list[str]]:
    """Generate `count` texts for each prompt; prompts of one length share batches.

    `task` counts finished texts. Raises UsageError for a prompt that is too long, CancelledError
    once `cancel` is set.
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
            for continued in _continue(base, rows, sampling, random):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                for row, token in continued:
                    rows[row].append(token)
            for number, text in zip(batch, _texts(base, rows), strict=True):
                texts[number].append(text)
            if task is not None:
                task.advance(sum(map(len, texts)))
    return texts


def stream(base: Base, prompt: str, seed: int, sampling: Sampling) -> Iterator[str]:
    """Generate the first text that `predict` would, piece by piece.

    Raises UsageError for a prompt that is too long.
    """
    row = list(_encoded(base, prompt, sampling))
    shown = ""
    for ((_, token),) in _continue(base, [row.copy()], sampling, _generator(base, seed)):
        row.append(token)
        text = _texts(base, [row])[0]
        # Half a character waits for its other half.
        if text.startswith(shown) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
            yield text[len(shown) :]
            shown = text


def _encoded(base: Base, prompt: str, sampling: Sampling) -> list[int]:
    ids: list[int] = base.tokenizer(prompt)["input_ids"]
    most = min(sampling.max_tokens, base.context)
    if len(ids) >= most:
        raise UsageError(
            f"the prompt is {len(ids)} tokens long", fix=f"Use at most {most - 1} tokens"
        )
    return ids


def _generator(base: Base, seed: int) -> torch.Generator:
    return torch.Generator(base.device).manual_seed(seed)


def _continue(
    base: Base, rows: Sequence[Sequence[int]], sampling: Sampling, random: torch.Generator
) -> Iterator[list[tuple[int, int]]]:
    """Continue rows of one length; each step yields the rows that have not ended, with a token."""
    model: Any = base.model
    model.eval()
    distinct = list(dict.fromkeys(map(tuple, rows)))
    alive = torch.arange(len(rows))
    length, most = len(rows[0]), min(sampling.max_tokens, base.context)
    cache: Any = DynamicCache(config=model.config)
    with torch.inference_mode(), quiet_transformers():
        inputs = torch.tensor(distinct, device=base.device)
        logits = model(input_ids=inputs, past_key_values=cache, use_cache=True).logits[:, -1]
        copies = torch.tensor([distinct.index(tuple(row)) for row in rows], device=base.device)
        if len(distinct) < len(rows):
            cache.batch_select_indices(copies)
            logits = logits[copies]
        while True:
            if length < sampling.min_tokens:
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
    """Draw one token for each row of `logits` [rows, vocabulary]: [rows].

    As transformers does: by temperature, from the `top_k` likeliest, the fewest that together have
    `top_p` of their probability.
    """
    count = min(sampling.top_k or logits.shape[1], logits.shape[1])
    likeliest, tokens = (logits / sampling.temperature).topk(count)
    shares = likeliest.softmax(-1)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before >= sampling.top_p, 0.0)
    return tokens.gather(1, torch.multinomial(shares, 1, generator=random)).flatten()


def _texts(base: Base, rows: Sequence[Sequence[int]]) -> list[str]:
    """Decode rows, from after the start token to the first end token."""
    cut = []
    for row in rows:
        tokens = list(row[1:]) if list(row[:1]) == [base.start] else list(row)
        cut.append(tokens[: tokens.index(base.end)] if base.end in tokens else tokens)
    decoded: list[str] = base.tokenizer.batch_decode(cut, skip_special_tokens=True)
    return [text.strip() for text in decoded]
