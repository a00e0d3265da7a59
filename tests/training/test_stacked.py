"""Adapters of several users trained at once: the same as one after the other, but for rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hubtools.errors import UsageError
from hubtools.report import SilentReporter
from hubtools.training import stacked
from hubtools.training.adapter import adapter_weights, add_adapter
from hubtools.training.base import Base, load_base
from hubtools.training.loop import fit
from hubtools.training.recipe import Adapter, Recipe, load_recipe
from hubtools.training.stacked import User, alike, fit_stacked
from hubtools.training.tokens import TokenBlocks, tokenize
from tests.training.makers import posts

RECIPE = replace(
    load_recipe("adapter"), passes=2, tokens_per_step=256, adapter=Adapter(rank=4, alpha=8)
)


def blocks(base: Base, count: int, seed: int) -> TokenBlocks:
    rows = tokenize(base.tokenizer, posts(count, seed), (base.start, base.end), base.context)
    return TokenBlocks((rows,))


def alone(tiny_gpt2: Path, user: User, recipe: Recipe, folder: Path) -> tuple[Base, float]:
    base = load_base(str(tiny_gpt2), recipe.dropout)
    assert recipe.adapter is not None
    add_adapter(base, recipe.adapter, user.seed)
    found = fit(base, user.blocks, recipe, user.seed, folder / "checkpoint", SilentReporter())
    return base, found.loss


@pytest.mark.parametrize("multiply", [stacked.one_by_one, stacked.gathered])
def test_together_is_as_alone(
    multiply: object, tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of users with different posts, seeds and numbers of steps."""
    monkeypatch.setattr(stacked, "one_by_one", multiply)
    base = load_base(str(tiny_gpt2), RECIPE.dropout)
    before = {name: weight.clone() for name, weight in base.model.state_dict().items()}
    users = [User(blocks(base, 30 + 25 * n, n), seed=n) for n in range(3)]
    together = fit_stacked(base, users, RECIPE)
    assert len({one.steps for one in together}) == 3
    for user, one in zip(users, together, strict=True):
        ours, loss = alone(tiny_gpt2, user, RECIPE, tmp_path)
        for name, weight in adapter_weights(ours).items():
            torch.testing.assert_close(one.weights[name], weight, atol=2e-5, rtol=1e-3)
            begun = torch.zeros_like(weight) if "lora_B" in name else None
            assert begun is None or not torch.allclose(weight, begun, atol=1e-3)
        last = one.losses[-one.steps // 2 :]
        assert abs(sum(last) / len(last) - loss) < 0.05
    after = base.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def test_batches_of_similar_width_meet_and_none_is_forgotten() -> None:
    def batch(rows: int, width: int) -> tuple[tuple[int, ...], ...]:
        return ((1,) * width,) * rows

    waiting = {0: batch(50, 20), 1: batch(5, 200), 2: batch(48, 21), 3: batch(5, 190)}
    assert alike(waiting) == [0, 2]
    del waiting[0]
    assert alike(waiting) == [3, 1]
    assert alike({7: batch(1, 3)}) == [7]


@pytest.mark.parametrize("recipe", [load_recipe("default"), replace(RECIPE, dropout=0.1)])
def test_what_cannot_be_stacked_is_said(recipe: Recipe, tiny_gpt2: Path) -> None:
    base = load_base(str(tiny_gpt2))
    with pytest.raises(UsageError, match="cannot train several users at once"):
        fit_stacked(base, [User(blocks(base, 30, 0), 0)], recipe)
