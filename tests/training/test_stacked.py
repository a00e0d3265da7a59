"""Several users trained at once: the same as one after the other, but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hubtools.core.errors import ModelError, UsageError
from hubtools.core.events import Reporter
from hubtools.training.base import Base, load_base
from hubtools.training.compiled import Shapes
from hubtools.training.course import Fit
from hubtools.training.loop import fit
from hubtools.training.lora import adapter_weights, add_adapter
from hubtools.training.recipe import Lora, Recipe, load_recipe
from hubtools.training.stacked import Learned, Stack, User, alike, side_by_side
from hubtools.training.tokens import TokenBlocks, tokenize
from hubtools.training.trackers import NoLog
from tests.training import bases
from tests.training.makers import posts

ADAPTER = replace(load_recipe("lora"), epochs=2, tokens_per_step=256, lora=Lora(rank=4, alpha=8))
MODEL = replace(load_recipe("default"), epochs=3, tokens_per_step=256, dropout=0.0)


def user_of(base: Base, seed: int, *, kept_aside: bool = False) -> User:
    """One whose posts are few or many, as the seed is."""

    def blocks(texts: list[str]) -> TokenBlocks:
        ends = (base.start, base.end)
        return TokenBlocks((tokenize(base.tokenizer, texts, ends, base.context),))

    texts = posts(30 + 25 * seed, seed)
    return User(
        blocks=blocks(texts[6:] if kept_aside else texts),
        aside=blocks(texts[:6]) if kept_aside else None,
        seed=seed,
        report=Reporter(),
        log=NoLog(),
    )


def alone(folder: Path, user: User, recipe: Recipe, place: Path) -> tuple[Fit, dict[str, object]]:
    base = load_base(str(folder), recipe.dropout)
    if recipe.lora is not None:
        add_adapter(base, recipe.lora, user.seed)
    found = fit(base, user.blocks, recipe, user.seed, place / "checkpoint", Reporter(), user.aside)
    if recipe.lora is not None:
        return found, dict(adapter_weights(base))
    return found, {name: weight.detach() for name, weight in base.model.named_parameters()}


def assert_alike(one: Learned | ModelError, fit: Fit, weights: dict[str, object]) -> None:
    assert isinstance(one, Learned)
    assert one.weights.keys() == weights.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(one.weights[name], weight, atol=3e-5, rtol=1e-3)
    assert (one.fit.steps, one.fit.epochs, one.fit.held) == (fit.steps, fit.epochs, fit.held)
    assert one.fit.losses == pytest.approx(fit.losses, abs=1e-3)
    assert [p.held_out for p in one.fit.curve] == pytest.approx(
        [p.held_out for p in fit.curve], abs=1e-3, nan_ok=True
    )


@pytest.mark.parametrize(
    "recipe", [ADAPTER, replace(ADAPTER, ema_decay=0.9), MODEL, replace(MODEL, ema_decay=0.9)]
)
@pytest.mark.parametrize("make", [bases.gpt2, bases.smollm, bases.qwen3])
def test_together_is_as_alone(make: Callable[[Path], None], recipe: Recipe, tmp_path: Path) -> None:
    """Of users with different posts, seeds and numbers of steps, in two groups."""
    folder = tmp_path / "base"
    make(folder)
    base = load_base(str(folder), recipe.dropout)
    before = {name: weight.clone() for name, weight in base.model.state_dict().items()}
    choosing = recipe.early_stopping is not None
    users = [user_of(base, seed, kept_aside=choosing) for seed in range(4)]
    stack = Stack(base, recipe, 3)
    together = (*stack.fit(users[:3]), *stack.fit(users[3:]))
    for user, one in zip(users, together, strict=True):
        assert_alike(one, *alone(folder, user, recipe, tmp_path))
    assert len({one.fit.steps for one in together if isinstance(one, Learned)}) == 4
    after = base.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("recipe", [ADAPTER, MODEL])
def test_compiled_code_is_made_once_and_gives_the_same(recipe: Recipe, tiny_gpt2: Path) -> None:
    torch._dynamo.reset()
    base = load_base(str(tiny_gpt2), recipe.dropout)
    made: list[int] = []

    def backend(graph: Callable[..., object], inputs: list[torch.Tensor]) -> object:
        made.append(len(inputs))
        return graph

    shapes = Shapes(recipe.tokens_per_step, base.context)
    users = [user_of(base, seed, kept_aside=recipe.early_stopping is not None) for seed in range(3)]
    slow, fast = Stack(base, recipe, 2), Stack(base, recipe, 2, backend)
    for group in (users[:2], users[2:]):
        for one, other in zip(slow.fit(group), fast.fit(group), strict=True):
            assert isinstance(one, Learned) and isinstance(other, Learned)
            for name, weight in one.weights.items():
                torch.testing.assert_close(other.weights[name], weight, atol=3e-5, rtol=1e-3)
    assert len(made) <= len({shapes.of(width) for width in range(1, base.context)})


def test_who_fails_takes_nobody_along(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(str(tiny_gpt2), ADAPTER.dropout)
    users = [user_of(base, seed) for seed in range(2)]
    sums = Stack._sums

    def spoiled(stack: Stack, *given: object) -> torch.Tensor:
        found = sums(stack, *given)
        return torch.cat([found[:1] * torch.nan, found[1:]]) if len(found) == 2 else found

    monkeypatch.setattr(Stack, "_sums", spoiled)
    failed, one = Stack(base, ADAPTER, 2).fit(users)
    assert isinstance(failed, ModelError) and "the loss is nan at step 1" in str(failed)
    assert_alike(one, *alone(tiny_gpt2, users[1], ADAPTER, tmp_path))


def test_batches_of_similar_width_meet_and_none_is_forgotten() -> None:
    def batch(rows: int, width: int) -> tuple[tuple[int, ...], ...]:
        return ((1,) * width,) * rows

    waiting = [batch(50, 20), batch(5, 200), batch(48, 21), batch(5, 190)]
    assert alike(waiting) == [0, 2]
    assert alike(waiting[1:2] + waiting[3:]) == [1, 0]
    assert alike([batch(1, 3)]) == [0]


def test_what_fills_a_batch_up_has_no_label() -> None:
    inputs, labels = side_by_side([((1, 2, 3),), ((4, 5), (6, 7)), ()], 2, 3, "cpu")
    assert inputs.shape == labels.shape == (6, 3)
    assert labels.tolist() == [
        [2, 3, -100], [-100] * 3, [5, -100, -100], [7, -100, -100], [-100] * 3, [-100] * 3,
    ]  # fmt: skip
    assert inputs[2:4, 0].tolist() == [4, 6]


def test_what_cannot_be_stacked_is_said(tiny_gpt2: Path) -> None:
    base = load_base(str(tiny_gpt2))
    with pytest.raises(UsageError, match="'huggingtweets' cannot train several"):
        Stack(base, load_recipe("huggingtweets"), 2)
    with pytest.raises(UsageError, match="room for 1 users, not for 2"):
        Stack(base, ADAPTER, 1).fit([user_of(base, 1), user_of(base, 2)])
    block = base.model.transformer.h[0]
    block.scale = torch.nn.Parameter(torch.ones(2, 2))
    with pytest.raises(ModelError, match=r"transformer\.h\.0 \(GPT2Block\) cannot hold"):
        Stack(base, MODEL, 2)
