"""The recipe `huggingtweets` does what the predecessor did with transformers' Trainer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hubtools.training.base import load_base
from hubtools.training.data import TokenRows, TrainData, packed_batches, tokenize
from hubtools.training.recipe import load_recipe
from hubtools.training.trainer import Trainer
from tests.training.makers import posts

RECIPE = load_recipe("huggingtweets")


def test_its_numbers() -> None:
    assert RECIPE.packing is not None
    assert (RECIPE.packing.block_size, RECIPE.tokens_per_step, RECIPE.epochs) == (1024, 1024, 4)
    assert (RECIPE.learning_rate, RECIPE.warmup_ratio, RECIPE.weight_decay) == (1.372e-4, 0.0, 0.0)
    assert (RECIPE.precision, RECIPE.dropout, RECIPE.early_stopping) == ("fp32", None, None)


def test_four_shuffled_repeats_of_one_text_cut_into_blocks() -> None:
    end = 9
    rows = TokenRows((((end, 1, 2, end), (end, 3, end), (end, 4, 5, 6, 7, end)),))
    epochs = packed_batches(rows, block_size=5, rows_per_step=1, epochs=4, seed=0)
    assert len(epochs) == 4
    cut = [row for batches in epochs for batch in batches for row in batch]
    assert {len(row) for row in cut} == {5}
    # 1 + 4 x (3 + 2 + 5) tokens are 8 blocks and one token that is dropped.
    assert len(cut) == 8
    seen = Counter(token for row in cut for token in row)
    assert all(3 <= seen[token] <= 4 for token in range(1, 8))
    assert packed_batches(rows, 5, 1, 4, 0) == epochs
    assert packed_batches(rows, 5, 1, 4, 1) != epochs


def test_fewer_posts_than_a_block_are_one_short_block() -> None:
    epochs = packed_batches(TokenRows((((9, 1, 9),),)), 64, 1, 4, 0)
    assert [row for batches in epochs for batch in batches for row in batch] == [
        (9, 1, 9, 1, 9, 1, 9, 1, 9)
    ]


@pytest.fixture
def rows(tiny_gpt2: Path) -> TokenRows:
    base = load_base(str(tiny_gpt2))
    return TokenRows((tokenize(base, posts(60)),))


def test_the_same_weights_as_the_trainer_makes(
    tiny_gpt2: Path, rows: TokenRows, tmp_path: Path
) -> None:
    """In the same order of rows and without dropout, which draws its own random numbers."""
    ours = load_base(str(tiny_gpt2), dropout=0.0)
    recipe = replace(RECIPE, learning_rate=1e-3, dropout=0.0)
    Trainer(ours, TrainData(rows), recipe, seed=7, checkpoint=tmp_path / "c").train()
    theirs = load_base(str(tiny_gpt2), dropout=0.0)
    order = packed_batches(rows, theirs.context, 1, 4, 7)
    their_trainer(
        theirs.model, [batch[0] for batches in order for batch in batches], tmp_path
    ).train()
    expected = theirs.model.state_dict()
    for name, weight in ours.model.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def their_trainer(model: Any, rows: list[tuple[int, ...]], folder: Path) -> Any:
    """As the notebook called it, with the names that its arguments have today."""
    from transformers import Trainer as TheirTrainer
    from transformers import TrainingArguments

    class InOrder(TheirTrainer):
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
