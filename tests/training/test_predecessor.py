"""The recipe `huggingtweets` does what the predecessor did with transformers' Trainer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hubtools.core.events import Reporter
from hubtools.training.base import load_base
from hubtools.training.loop import fit
from hubtools.training.recipe import load_recipe
from hubtools.training.tokens import TokenBlocks, batches_of_stream, tokenize
from tests.training.makers import posts

RECIPE = load_recipe("huggingtweets")


def test_its_numbers() -> None:
    assert RECIPE.stream is not None
    assert (RECIPE.packing.block_size, RECIPE.tokens_per_step, RECIPE.epochs) == (1024, 1024, 4)
    assert (RECIPE.learning_rate, RECIPE.warmup, RECIPE.weight_decay) == (1.372e-4, 0.0, 0.0)
    assert (RECIPE.precision, RECIPE.dropout, RECIPE.choose) == ("fp32", None, None)


def test_four_shuffled_repeats_of_one_text_cut_into_blocks() -> None:
    end = 9
    blocks = TokenBlocks((((end, 1, 2, end), (end, 3, end), (end, 4, 5, 6, 7, end)),))
    epochs = batches_of_stream(blocks, block=5, size=1, epochs=4, seed=0)
    assert len(epochs) == 4
    cut = [row for batches in epochs for batch in batches for row in batch]
    assert {len(row) for row in cut} == {5}
    # 1 + 4 x (3 + 2 + 5) tokens are 8 blocks and one token that is dropped.
    assert len(cut) == 8
    seen = Counter(token for row in cut for token in row)
    assert all(3 <= seen[token] <= 4 for token in range(1, 8))
    assert batches_of_stream(blocks, 5, 1, 4, 0) == epochs
    assert batches_of_stream(blocks, 5, 1, 4, 1) != epochs


def test_fewer_posts_than_a_block_are_one_short_block() -> None:
    epochs = batches_of_stream(TokenBlocks((((9, 1, 9),),)), 64, 1, 4, 0)
    assert [row for batches in epochs for batch in batches for row in batch] == [
        (9, 1, 9, 1, 9, 1, 9, 1, 9)
    ]


@pytest.fixture
def blocks(tiny_gpt2: Path) -> TokenBlocks:
    base = load_base(str(tiny_gpt2))
    return TokenBlocks((tokenize(base.tokenizer, posts(60), (base.start, base.end), None),))


def test_the_same_weights_as_the_trainer_makes(
    tiny_gpt2: Path, blocks: TokenBlocks, tmp_path: Path
) -> None:
    """In the same order of blocks and without dropout, which draws its own random numbers."""
    ours = load_base(str(tiny_gpt2), dropout=0.0)
    recipe = replace(RECIPE, learning_rate=1e-3, dropout=0.0)
    fit(ours, blocks, recipe, 7, tmp_path / "c", Reporter())
    theirs = load_base(str(tiny_gpt2), dropout=0.0)
    order = batches_of_stream(blocks, theirs.context, 1, 4, 7)
    trainer(theirs.model, [batch[0] for batches in order for batch in batches], tmp_path).train()
    expected = theirs.model.state_dict()
    for name, weight in ours.model.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def trainer(model: Any, rows: list[tuple[int, ...]], folder: Path) -> Any:
    """As the notebook called it, with the names that its arguments have today."""
    from transformers import Trainer, TrainingArguments

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=1,
        learning_rate=1e-3, lr_scheduler_type="cosine", report_to="none", save_strategy="no",
        use_cpu=True, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    # Today's Trainer divides by all labels that are not -100, also by the first, which no token
    # predicts; the notebook's divided by those that count.
    data = [
        {"input_ids": torch.tensor(row), "labels": torch.tensor((-100, *row[1:]))} for row in rows
    ]
    return InOrder(model=model, args=arguments, train_dataset=data)
