"""One update: what memory does not hold is worked on in parts; bf16 learns too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.training import step
from hubtools.training.base import Base, make_base
from hubtools.training.recipe import Recipe
from hubtools.training.step import Stepper, precision
from hubtools.training.tokens import Batch, tokenize
from tests.training.makers import posts


class Notes(Reporter):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def start(recipe: Recipe) -> tuple[Base, Batch]:
    base = make_base("scratch", replace(recipe, dropout=0.0), posts(50), 1)
    rows = tokenize(base.tokenizer, posts(50), (base.start, base.end), base.context)
    return base, rows[:7]


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that holds two rows."""
    loss_of = step.loss_of

    def limited(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return loss_of(model, inputs, labels)

    monkeypatch.setattr(step, "loss_of", limited)


def test_a_batch_that_is_too_large_is_halved_and_learned_the_same(
    recipe: Recipe, small_device: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    halved, batch = start(recipe)
    notes = Notes()
    stepper = Stepper(halved, recipe, notes)
    found = [stepper.update(batch, 1e-3) for _ in range(3)]
    assert stepper.parts == 4
    assert len(notes.said) == 2
    assert "Out of memory" in notes.said[-1]
    assert "4 parts" in notes.said[-1]
    monkeypatch.undo()
    whole, _ = start(recipe)
    plain = Stepper(whole, recipe, Reporter())
    expected = [plain.update(batch, 1e-3) for _ in range(3)]
    assert [tokens for _, tokens in found] == [tokens for _, tokens in expected]
    for (loss, _), (wanted, _) in zip(found, expected, strict=True):
        assert loss == pytest.approx(wanted, rel=1e-5)
    for name, weight in halved.model.state_dict().items():
        torch.testing.assert_close(weight, whole.model.state_dict()[name], rtol=1e-3, atol=1e-5)


def test_a_row_that_is_too_large_says_what_to_do(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(step, "loss_of", full)
    base, batch = start(recipe)
    with pytest.raises(ModelError, match=r"a row of \d+ tokens does not fit .* smaller base"):
        Stepper(base, recipe, Reporter()).update(batch, 1e-3)


def test_bf16_learns_as_fp32_does(recipe: Recipe) -> None:
    losses = {}
    for kind in ("fp32", "bf16"):
        base, batch = start(recipe)
        stepper = Stepper(base, replace(recipe, precision=kind), Reporter())
        losses[kind] = [stepper.update(batch, 3e-3)[0] for _ in range(10)]
        assert {p.dtype for p in base.model.parameters()} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"][-1] == pytest.approx(losses["fp32"][-1], rel=0.02)
    assert losses["bf16"][-1] < 0.9 * losses["bf16"][0]


def test_arithmetic_that_a_device_is_made_for(recipe: Recipe) -> None:
    assert precision(recipe, "cpu") == "fp32"
    assert precision(recipe, "cuda") == "bf16"
    assert precision(replace(recipe, precision="fp32"), "cuda") == "fp32"
    assert precision(replace(recipe, precision="bf16"), "cpu") == "bf16"
