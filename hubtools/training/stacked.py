"""Several users' LoRA adapters trained at once, on one frozen base in one forward pass.

The rows of all users stand in one batch, and each row meets the A and B of its user. Each user has
the batches, the learning rates and the clipping that it would have alone, so what comes of it is
the same but for rounding. A user that is through leaves the batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubtools.errors import ModelError, UsageError
from hubtools.training.adapter import adapter_weights, add_adapter, remove_adapter, targets
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.compiled import IGNORED
from hubtools.training.plan import schedule
from hubtools.training.recipe import Recipe
from hubtools.training.step import autocast, padded, precision
from hubtools.training.tokens import Batch, TokenBlocks, batches_of_pass

if TYPE_CHECKING:
    import torch

_EPSILON = 1e-8  # AdamW's, as torch has it
_FILLED = 1.2  # times the work that the batches would be alone


@dataclass(frozen=True, slots=True)
class User:
    """One of those who are trained together."""

    blocks: TokenBlocks
    seed: int


@dataclass(frozen=True, slots=True)
class StackedFit:
    """What came of one user."""

    weights: dict[str, torch.Tensor]
    """A and B of every matrix, by peft's names."""
    steps: int
    losses: tuple[float, ...]
    """Of every step, the mean a token in nats before it."""


def fit_stacked(base: Base, users: Sequence[User], recipe: Recipe) -> tuple[StackedFit, ...]:
    """Train an adapter for each user; the base is left as it was.

    Raises UsageError for a recipe that cannot be stacked: it needs an [adapter], no dropout, whose
    masks would be drawn in another order, a number of passes that is not chosen on the way, and no
    average of weights.
    Raises ModelError when a loss is no number any more.
    """
    course = recipe.choose or recipe.stream or recipe.average
    if recipe.adapter is None or recipe.dropout or course:
        raise UsageError(
            f"the recipe {recipe.name!r} cannot train several users at once",
            fix="It needs an [adapter] table, dropout = 0.0, and no average, [choose] or [stream]",
        )
    stack = _Stack(base, recipe, [user.seed for user in users])
    courses = [_batches(user, recipe) for user in users]
    losses: list[list[float]] = [[] for _ in users]
    peak = recipe.peak(base.width)
    base.model.train()
    with stack.attached(), quiet_transformers():
        while waiting := {
            number: courses[number][len(done)]
            for number, done in enumerate(losses)
            if len(done) < len(courses[number])
        }:
            active = alike(waiting)
            steps = [len(losses[n]) for n in active]
            rates = [
                peak * schedule(step, len(courses[n]), recipe.warmup)
                for n, step in zip(active, steps, strict=True)
            ]
            found = stack.update([waiting[n] for n in active], active, rates, steps)
            for number, loss in zip(active, found, strict=True):
                if not math.isfinite(loss):
                    raise ModelError(f"the loss of user {number + 1} is {loss}")
                losses[number].append(loss)
    base.model.eval()
    return tuple(
        StackedFit(stack.weights_of(number), len(course), tuple(losses[number]))
        for number, course in enumerate(courses)
    )


def alike(waiting: Mapping[int, Batch]) -> list[int]:
    """The most users whose next batches can be filled up to one width for little.

    Each user's batches keep their order; whose next one is of another width waits for its turn.
    """
    order = sorted(waiting, key=lambda number: (_width(waiting[number]), number))
    best: list[int] = []
    for first in range(len(order)):
        rows = tokens = 0
        for last in range(first, len(order)):
            batch = waiting[order[last]]
            rows += len(batch)
            tokens += len(batch) * _width(batch)
            if rows * _width(batch) > _FILLED * tokens:
                break
            if last + 1 - first > len(best):
                best = order[first : last + 1]
    return best


def _width(batch: Batch) -> int:
    return max(map(len, batch))


def _batches(user: User, recipe: Recipe) -> list[Batch]:
    size = recipe.tokens_per_step
    passes = (batches_of_pass(user.blocks, size, user.seed, n) for n in range(recipe.passes))
    return [batch for batches in passes for batch in batches]


class _Stack:
    """The adapters of K users: for each matrix A [K, rank, inputs] and B [K, outputs, rank]."""

    def __init__(self, base: Base, recipe: Recipe, seeds: Sequence[int]) -> None:
        import torch

        assert recipe.adapter is not None
        self._base, self._recipe = base, recipe
        self._scale = recipe.adapter.alpha / recipe.adapter.rank
        self._precision = precision(recipe, base.device)
        alone: list[dict[str, torch.Tensor]] = []
        for seed in seeds:  # as each would begin alone
            add_adapter(base, recipe.adapter, seed)
            alone.append({name: w.clone() for name, w in adapter_weights(base).items()})
        remove_adapter(base)
        base.model.requires_grad_(False)
        self._weights = {
            name: torch.nn.Parameter(torch.stack([one[name] for one in alone])) for name in alone[0]
        }
        self._first = {name: torch.zeros_like(w) for name, w in self._weights.items()}
        self._second = {name: torch.zeros_like(w) for name, w in self._weights.items()}
        self._multiply = gathered if base.device == "cuda" else one_by_one
        self._active: tuple[int, ...] = ()
        self._rows: tuple[int, ...] = ()
        """Of the batch in hand: whose rows stand in it, and how many of each."""

    def weights_of(self, number: int) -> dict[str, torch.Tensor]:
        """The adapter of one user."""
        return {name: weight[number].detach().clone() for name, weight in self._weights.items()}

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The base with all adapters on it."""
        hooks = []
        for name, module in targets(self._base.model).items():
            a = self._weights[f"base_model.model.{name}.lora_A.weight"]
            b = self._weights[f"base_model.model.{name}.lora_B.weight"]
            hooks.append(module.register_forward_hook(self._second_path(a, b)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._base.model.requires_grad_(True)

    def _second_path(self, a: torch.Tensor, b: torch.Tensor) -> Any:
        def second_path(module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
            x = inputs[0]  # [rows, tokens, inputs]
            return output + self._multiply(x, a, b, self._active, self._rows) * self._scale

        return second_path

    def update(
        self,
        batches: Sequence[Batch],
        active: Sequence[int],
        rates: Sequence[float],
        steps: Sequence[int],
    ) -> list[float]:
        """One step of the users `active`, each its own, and the loss of each before it."""
        import torch

        device = self._base.device
        inputs, labels = padded(tuple(row for batch in batches for row in batch), device)
        sizes = torch.tensor([len(batch) for batch in batches], device=device)
        self._active, self._rows = tuple(active), tuple(map(len, batches))
        place = torch.arange(len(batches), device=device).repeat_interleave(sizes)
        with autocast(device, self._precision):
            logits = self._base.model(input_ids=inputs, use_cache=False).logits
            each = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(),
                labels.flatten(),
                reduction="none",
                ignore_index=IGNORED,
            ).view_as(labels)
        counted = (labels != IGNORED).sum(1)
        sums = torch.zeros(len(batches), device=device).index_add(0, place, each.sum(1))
        tokens = torch.zeros(len(batches), device=device).index_add(0, place, counted.float())
        losses = sums / tokens
        names = list(self._weights)
        gradients = torch.autograd.grad(losses.sum(), list(self._weights.values()))
        self._step(dict(zip(names, gradients, strict=True)), active, rates, steps)
        found: list[float] = losses.tolist()
        return found

    def _step(
        self,
        gradients: dict[str, torch.Tensor],
        active: Sequence[int],
        rates: Sequence[float],
        steps: Sequence[int],
    ) -> None:
        """Each user's gradient clipped by its own norm, then AdamW at its own learning rate."""
        import torch

        who = torch.tensor(active, device=self._base.device)
        mine = {name: gradient[who] for name, gradient in gradients.items()}
        square = torch.stack([g.flatten(1).square().sum(1) for g in mine.values()]).sum(0)
        share = (self._recipe.clip / (square.sqrt() + 1e-6)).clamp(max=1.0)[:, None, None]
        rate = torch.tensor(rates, device=who.device)[:, None, None]
        low, high = self._recipe.betas
        unbiased = [
            torch.tensor([1 - beta ** (step + 1) for step in steps], device=who.device)
            for beta in (low, high)
        ]
        first_left, second_left = (part[:, None, None] for part in unbiased)
        with torch.no_grad():
            for name, gradient in mine.items():
                weight, clipped = self._weights[name], gradient * share
                first = self._first[name][who].lerp(clipped, 1 - low)
                second = self._second[name][who].mul(high).addcmul(clipped, clipped, value=1 - high)
                self._first[name][who], self._second[name][who] = first, second
                denominator = (second / second_left).sqrt() + _EPSILON
                kept = weight[who] * (1 - rate * self._recipe.weight_decay)
                weight[who] = kept - rate / first_left * first / denominator


def one_by_one(
    x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, users: Sequence[int], rows: Sequence[int]
) -> torch.Tensor:
    """The rows x [rows, tokens, inputs] through A and B of their users: few large products."""
    import torch

    parts = zip(x.split(list(rows)), users, strict=True)
    return torch.cat([part @ a[user].T @ b[user].T for part, user in parts])


def gathered(
    x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, users: Sequence[int], rows: Sequence[int]
) -> torch.Tensor:
    """The same in two products for all users, where dispatch costs more than arithmetic."""
    import torch

    counts = torch.tensor(rows, device=x.device)
    owners = torch.tensor(users, device=x.device).repeat_interleave(counts)
    down = torch.bmm(x, a[owners].transpose(1, 2).to(x.dtype))
    return torch.bmm(down, b[owners].transpose(1, 2).to(x.dtype))
