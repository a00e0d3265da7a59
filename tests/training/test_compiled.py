"""Compiled code: the same updates but for rounding, and as few shapes as there are widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.events import Reporter
from hubtools.training import step
from hubtools.training.base import Base, make_base
from hubtools.training.bases import WarmBases
from hubtools.training.compiled import CompiledLoss, Shapes
from hubtools.training.loop import fit
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.step import Stepper
from hubtools.training.tokens import Batch, TokenBlocks, batches_of_pass, tokenize
from tests.training.makers import posts

TEXTS = posts(60)


class Counting(CompiledLoss):
    """Remembers the shapes that it was called with."""

    def __init__(self, model: object, backend: str) -> None:
        super().__init__(model, backend)
        self.shapes: set[tuple[int, ...]] = set()

    def __call__(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.shapes.add(tuple(inputs.shape))
        return super().__call__(inputs, labels)


def start(recipe: Recipe) -> tuple[Base, tuple[Batch, ...]]:
    base = make_base("scratch", replace(recipe, dropout=0.0), TEXTS, 1)
    rows = tokenize(base.tokenizer, TEXTS, (base.start, base.end), base.context)
    return base, batches_of_pass(TokenBlocks((rows,)), recipe.tokens_per_step, 1, 0)


@given(tokens=st.integers(8, 4096), context=st.integers(16, 2048), data=st.data())
def test_every_batch_of_a_width_fits_into_its_shape(
    tokens: int, context: int, data: st.DataObject
) -> None:
    longest = data.draw(st.integers(2, context))  # a row, its start included
    rows = data.draw(st.integers(1, max(1, tokens // longest)))
    shape = Shapes(tokens, context).of(longest - 1)
    if shape is None:
        assert longest < 12
        return
    height, width = shape
    assert rows <= height
    assert longest - 1 <= width <= context


def test_there_are_a_dozen_shapes_and_filling_up_costs_little() -> None:
    shapes = Shapes(1024, 1024)
    found = {width: shapes.of(width) for width in range(11, 1024)}
    assert len(set(found.values())) == 12
    for width, shape in found.items():
        assert shape is not None
        work = max(1, 1024 // (width + 1)) * width
        assert shape[0] * shape[1] <= 2 * work
    for texts in (posts(400), [text * 3 for text in posts(200)]):
        base = make_base("scratch", load_recipe("scratch"), texts, 1)
        rows = tokenize(base.tokenizer, texts, (base.start, base.end), base.context)
        batches = batches_of_pass(TokenBlocks((rows,)), 1024, 1, 0)
        worked = sum(len(batch) * (max(map(len, batch)) - 1) for batch in batches)
        filled = [shapes.of(max(map(len, batch)) - 1) for batch in batches]
        assert sum(shape[0] * shape[1] for shape in filled if shape) < 1.6 * worked


def test_compiled_updates_are_the_same_but_for_rounding(recipe: Recipe) -> None:
    plain, batches = start(recipe)
    quick, _ = start(recipe)
    loss = Counting(quick.model, "aot_eager")
    learn_alike(plain, replace(quick, compiled=loss), batches, recipe)
    assert len(loss.shapes) < len({(len(b), max(map(len, b))) for b in batches})


def test_the_compiler_itself_learns_the_same(recipe: Recipe) -> None:
    plain, batches = start(recipe)
    quick, _ = start(recipe)
    compiled = replace(quick, compiled=CompiledLoss(quick.model))
    learn_alike(plain, compiled, batches[:1] * 3, recipe)  # a shape takes ten seconds


def learn_alike(plain: Base, quick: Base, batches: Sequence[Batch], recipe: Recipe) -> None:
    """Train both on the same batches, and compare every loss and the weights."""
    steppers = [Stepper(base, recipe, Reporter()) for base in (plain, quick)]
    for batch in batches:
        wanted, found = (stepper.update(batch, 1e-3) for stepper in steppers)
        assert found == (pytest.approx(wanted[0], rel=1e-4), wanted[1])
    for name, weight in plain.model.state_dict().items():
        torch.testing.assert_close(quick.model.state_dict()[name], weight, rtol=1e-3, atol=1e-4)


def test_out_of_memory_ends_compiled_code_alone(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, batches = start(recipe)
    full = Counting(base.model, "eager")
    monkeypatch.setattr(full, "_loss", _full)
    stepper = Stepper(replace(base, compiled=full), recipe, Reporter())
    losses = [stepper.update(batches[0], 1e-2)[0] for _ in range(4)]
    assert stepper.parts == 2
    assert losses[-1] < losses[0]


def _full(*_: object) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_code_is_kept_from_one_user_to_the_next(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def compiling(model: object) -> CompiledLoss:
        made.append(model)
        return CompiledLoss(model, "eager")

    monkeypatch.setattr("hubtools.training.bases.CompiledLoss", compiling)
    recipe = replace(load_recipe("default"), early_stopping=None, epochs=1, dropout=0.0)
    warm, cold = WarmBases(compiling=True), WarmBases()
    for number in range(2):
        losses = []
        for bases in (warm, cold):
            with bases.turn():
                base = bases.fresh(str(tiny_gpt2), recipe, TEXTS, number)
                rows = tokenize(base.tokenizer, TEXTS, (base.start, base.end), base.context)
                place = tmp_path / f"{number}-{len(losses)}"
                losses.append(fit(base, TokenBlocks((rows,)), recipe, 1, place, Reporter()).loss)
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(made) == 1


def test_an_adapter_is_trained_without_compiled_code(tiny_gpt2: Path) -> None:
    base = WarmBases(compiling=True).fresh(str(tiny_gpt2), load_recipe("lora"), TEXTS, 1)
    assert base.compiled is not None
    stepper = step.Stepper(base, load_recipe("lora"), Reporter())
    assert stepper._compiled is None
