"""Compiled code: the same steps but for rounding, and few shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.events import Reporter
from hubtools.training import model_cache
from hubtools.training.base import Base, make_base
from hubtools.training.compile import CompiledLoss, padded_shape
from hubtools.training.data import Batch, TrainData, length_sorted_batches
from hubtools.training.model_cache import ModelCache
from hubtools.training.optim import Optimizer
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.trainer import Gradients, Trainer
from tests.training.makers import posts
from tests.training.runs import rows_of, start

TEXTS = posts(60)


def batches_of(recipe: Recipe) -> tuple[Base, tuple[Batch, ...]]:
    base, data = start(replace(recipe, dropout=0.0), train=TEXTS)
    return base, length_sorted_batches(data.train, recipe.tokens_per_step, 1, 0)


@given(tokens=st.integers(8, 4096), context=st.integers(16, 2048), data=st.data())
def test_every_batch_of_a_width_fits_into_its_shape(
    tokens: int, context: int, data: st.DataObject
) -> None:
    longest = data.draw(st.integers(2, context))  # a row, its start included
    rows = data.draw(st.integers(1, max(1, tokens // longest)))
    shape = padded_shape(longest - 1, tokens, context)
    if shape is None:
        assert longest < 12
        return
    height, width = shape
    assert rows <= height
    assert longest - 1 <= width <= context


def test_there_are_a_dozen_shapes_and_padding_costs_little() -> None:
    found = {width: padded_shape(width, 1024, 1024) for width in range(11, 1024)}
    assert len(set(found.values())) == 12
    for width, shape in found.items():
        assert shape is not None
        work = max(1, 1024 // (width + 1)) * width
        assert shape[0] * shape[1] <= 2 * work
    for texts in (posts(400), [text * 3 for text in posts(200)]):
        base = make_base("scratch", load_recipe("scratch"), texts, 1)
        batches = length_sorted_batches(rows_of(base, texts), 1024, 1, 0)
        work = sum(len(batch) * (max(map(len, batch)) - 1) for batch in batches)
        shapes = [padded_shape(max(map(len, batch)) - 1, 1024, 1024) for batch in batches]
        assert sum(shape[0] * shape[1] for shape in shapes if shape) < 1.6 * work


def assert_learn_alike(
    plain: Base, compiled: Base, batches: Sequence[Batch], recipe: Recipe
) -> None:
    """Train both on the same batches, and compare every loss and the weights."""
    sides = [
        (Gradients(base, recipe, Reporter()), Optimizer(base.model, recipe))
        for base in (plain, compiled)
    ]
    for batch in batches:
        losses = []
        for gradients, optimizer in sides:
            losses.append(gradients(batch))
            optimizer.step(1e-3)
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    for name, weight in plain.model.state_dict().items():
        torch.testing.assert_close(compiled.model.state_dict()[name], weight, rtol=1e-3, atol=1e-4)


def test_compiled_steps_are_the_same_but_for_rounding(recipe: Recipe) -> None:
    plain, batches = batches_of(recipe)
    other, _ = batches_of(recipe)
    compiled, shapes = CompiledLoss(other.model, "aot_eager"), set()

    def counting(
        inputs: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]
    ) -> torch.Tensor:
        shapes.add(shape)
        return compiled(inputs, labels, shape)

    assert_learn_alike(plain, replace(other, compiled=counting), batches, recipe)
    assert len(shapes) < len({(len(b), max(map(len, b))) for b in batches})


@pytest.mark.slow
def test_the_compiler_itself_learns_the_same(recipe: Recipe) -> None:
    plain, batches = batches_of(recipe)
    other, _ = batches_of(recipe)
    compiled = replace(other, compiled=CompiledLoss(other.model))
    assert_learn_alike(plain, compiled, batches[:1] * 3, recipe)  # a shape takes ten seconds


def test_out_of_memory_ends_compiled_code_alone(recipe: Recipe) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    base, batches = batches_of(recipe)
    gradients = Gradients(replace(base, compiled=full), recipe, Reporter())
    optimizer, losses = Optimizer(base.model, recipe), []
    for _ in range(4):
        losses.append(gradients(batches[0]))
        optimizer.step(1e-2)
    assert gradients.accumulation == 2
    assert losses[-1] < losses[0]


def test_code_is_kept_from_one_model_to_the_next(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def compiling(model: object) -> CompiledLoss:
        made.append(model)
        return CompiledLoss(model, "eager")

    monkeypatch.setattr(model_cache, "CompiledLoss", compiling)
    recipe = replace(load_recipe("default"), early_stopping=None, epochs=1, dropout=0.0)
    warm, plain = ModelCache(compiling=True), ModelCache(capacity=0)
    for number in range(2):
        losses = []
        for models in (warm, plain):
            with models.turn():
                base = models.load(str(tiny_gpt2), recipe, TEXTS, number)
                data = TrainData(rows_of(base, TEXTS))
                place = tmp_path / f"{number}-{len(losses)}"
                made_here = Trainer(base, data, recipe, seed=1, checkpoint=place).train()
                losses.append(made_here.train_losses[-1])
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(made) == 1
