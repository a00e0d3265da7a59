"""Posts and models for tests, in our own words."""

from __future__ import annotations

import random
from pathlib import Path

WHO = ("the heron", "a gull", "the ferry", "the night watchman", "our lighthouse", "the fog")
DID = ("counted", "borrowed", "apologised to", "overheard", "painted", "misplaced")
WHAT = ("seven ropes", "the tide table", "a suspicious kettle", "all the lanterns", "one oar")
WHEN = ("before breakfast", "again", "for the third time", "without a form", "in good faith")


def posts(count: int, seed: int = 0) -> list[str]:
    """Distinct short posts of one voice."""
    choose = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        parts = (choose.choice(WHO), choose.choice(DID), choose.choice(WHAT), choose.choice(WHEN))
        text = "My dream is that {} {} {} {}." if choose.random() < 0.3 else "Today {} {} {} {}."
        made[f"{text.format(*parts)} Entry {len(made)}."] = None
    return list(made)


def save_tiny_gpt2(folder: Path) -> None:
    """A random GPT-2 of 30,000 parameters with the tokenizer class that GPT-2 has."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(
        posts(200),
        trainers.BpeTrainer(
            vocab_size=400,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<|endoftext|>"],
            show_progress=False,
        ),
    )
    import json

    model = json.loads(bpe.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = GPT2Tokenizer(vocab=model["vocab"], merges=merges)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=96, n_layer=2, n_head=2, n_embd=32,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
