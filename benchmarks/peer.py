"""The predecessor's recipe under transformers' own Trainer, as its notebook ran it.

Four shuffled repeats of the posts joined by `<|endoftext|>`, blocks of 1024, batch 1, AdamW at
1.372e-4, a cosine without warm-up, fp32. Arguments have the names that they have today.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from typing import Any

LEARNING_RATE = 1.372e-4
REPEATS = 4
BLOCK = 1024


def peer_blocks(tokenizer: Any, texts: Sequence[str], seed: int) -> list[Any]:
    """The notebook's data set: one text, tokenized and cut."""
    import torch

    order, end = random.Random(seed), tokenizer.eos_token
    posts, everything = list(texts), []
    for _ in range(REPEATS):
        order.shuffle(posts)
        everything += posts
    text = end + end.join(everything) + end
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    rows = [ids[first : first + BLOCK] for first in range(0, len(ids) - BLOCK + 1, BLOCK)]
    # Today's Trainer would also divide by the first token, which has no label.
    return [
        {"input_ids": torch.tensor(row), "labels": torch.tensor([-100, *row[1:]])} for row in rows
    ]


def peer_train(model: Any, data: list[Any], seed: int, rate: float = LEARNING_RATE) -> None:
    """Train `model` in place."""
    from transformers import Trainer, TrainingArguments
    from transformers.utils import logging

    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=1,
            learning_rate=rate,
            lr_scheduler_type="cosine",
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=not _gpu(),
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=data)
        trainer.pop_callback(_printer())
        trainer.train()


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()
