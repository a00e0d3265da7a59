"""Predictions: batched, seeded, of several prompts at once, and as transformers would sample."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Event, Progress, Reporter
from hubtools.training.base import Base, load_base
from hubtools.training.generate import _choose, predict, predict_all, stream
from hubtools.training.sampling import Sampling
from tests.training.tiny_bases import BASES


@pytest.fixture(scope="module")
def base(tiny_gpt2: Path) -> Base:
    return load_base(str(tiny_gpt2))


def test_likeliest_tokens_are_those_of_generate(tmp_path: Path) -> None:
    """With only the likeliest token to choose from, both make the same text."""
    for name in ("gpt2", "llama", "qwen3"):
        BASES[name](tmp_path / name)
        base = load_base(str(tmp_path / name))
        greedy = Sampling(top_k=1, max_tokens=40)
        prompts = ["My dream is", "Today the heron counted seven", "Today"]
        ours = predict_all(base, prompts, 2, 0, greedy)
        for prompt, texts in zip(prompts, ours, strict=True):
            ids = base.tokenizer(prompt, return_tensors="pt")["input_ids"]
            made = base.model.generate(
                input_ids=ids, do_sample=False, max_length=40, min_length=10,
                eos_token_id=base.end, pad_token_id=base.end,
            )  # fmt: skip
            text = base.tokenizer.decode(made[0], skip_special_tokens=True).strip()
            assert texts == [text, text]


def test_top_k_and_top_p_choose_as_transformers_does() -> None:
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(3, 60, generator=torch.Generator().manual_seed(0)) * 2
    warped = logits.clone()
    for warper in (TemperatureLogitsWarper(0.7), TopKLogitsWarper(20), TopPLogitsWarper(0.8)):
        warped = warper(None, warped)
    allowed = [set(row.nonzero().flatten().tolist()) for row in warped.softmax(-1)]
    sampling = Sampling(temperature=0.7, top_k=20, top_p=0.8)
    random = torch.Generator().manual_seed(1)
    seen = [Counter() for _ in range(3)]
    for _ in range(2000):
        for row, token in enumerate(_choose(logits, sampling, random).tolist()):
            seen[row][token] += 1
    for row in range(3):
        assert set(seen[row]) <= allowed[row]
        likeliest = int(warped[row].argmax())
        share = warped[row].softmax(-1)[likeliest].item()
        assert seen[row][likeliest] / 2000 == pytest.approx(share, abs=0.05)


def test_several_prompts_at_once(base: Base) -> None:
    prompts = ["My dream is", "Today", "My dream is", ""]
    texts = predict_all(base, prompts, 3, 5, Sampling(max_tokens=30))
    assert [len(found) for found in texts] == [3, 3, 3, 3]
    for prompt, found in zip(prompts, texts, strict=True):
        assert all(text.startswith(prompt) for text in found)
    assert texts[0] != texts[2]
    assert texts == predict_all(base, prompts, 3, 5, Sampling(max_tokens=30))


def test_more_than_one_batch(base: Base) -> None:
    texts = predict(base, "Today", 130, 0, Sampling(max_tokens=12))
    assert len(texts) == 130
    assert len(set(texts)) > 100


def test_a_text_ends_where_the_model_ends_it(base: Base) -> None:
    sampling = Sampling(max_tokens=60)
    texts = predict(base, "Today", 60, 0, sampling)
    tokens = [len(base.tokenizer(text)["input_ids"]) for text in texts]
    assert min(tokens) < 60
    assert not any("<|endoftext|>" in text for text in texts)


def test_a_text_that_is_typed_is_the_one_that_is_predicted(base: Base) -> None:
    for seed in range(3):
        pieces = list(stream(base, "My dream is ⚓", seed, Sampling(max_tokens=40)))
        assert len(pieces) > 2
        (text,) = predict(base, "My dream is ⚓", 1, seed, Sampling(max_tokens=40))
        assert "".join(pieces) == text


def test_a_prompt_that_leaves_no_room(base: Base) -> None:
    with pytest.raises(UsageError) as caught:
        predict(base, "the heron counted " * 50, 1, 0, Sampling())
    assert "95" in (caught.value.fix or "")
    with pytest.raises(UsageError):
        next(stream(base, "the heron counted " * 50, 0, Sampling()))


def test_finished_texts_are_counted_and_a_cancelled_one_is_not(base: Base) -> None:
    events: list[Event] = []
    with Reporter((events.append,)).task("generate", 130) as task:
        predict(base, "Today", 130, 0, Sampling(max_tokens=12), task=task)
    assert [event.done for event in events if isinstance(event, Progress)] == [64, 128, 130]
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        predict(base, "Today", 2, 0, Sampling(), cancel=cancel)
