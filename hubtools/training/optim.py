"""AdamW, the learning-rate schedules, the moving average of the weights, and mixed precision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from hubtools.training.recipe import Recipe


class Optimizer:
    """AdamW with gradient clipping and, if the recipe has `ema_decay`, averaged weights."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe) -> None:
        self._weights = [p for p in model.parameters() if p.requires_grad]
        self._adamw = adamw(self._weights, recipe)
        self._max_grad_norm, self._ema_decay = recipe.max_grad_norm, recipe.ema_decay
        self._average: list[torch.Tensor] = []

    def step(self, learning_rate: float) -> None:
        """Update the weights by their gradients, and clear these."""
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        torch.nn.utils.clip_grad_norm_(self._weights, self._max_grad_norm)
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        current = [weight.detach() for weight in self._weights]
        if self._ema_decay and not self._average:
            self._average = [weight.clone() for weight in current]
        elif self._ema_decay:
            get_ema_multi_avg_fn(self._ema_decay)(self._average, current, 0)

    def use_average(self) -> None:
        """Replace the weights by their average, where there is one."""
        for weight, average in zip(self._weights, self._average, strict=False):
            weight.data.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps besides the weights."""
        return {"adamw": self._adamw.state_dict(), "average": self._average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint. Raises KeyError or ValueError for another model's."""
        self._adamw.load_state_dict(state["adamw"])
        pairs = zip(state["average"], self._weights, strict=False)
        self._average = [average.to(weight.device) for average, weight in pairs]


def adamw(parameters: Iterable[torch.nn.Parameter], recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over these parameters; only matrices decay."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def cosine(step: int, steps: int, warmup_ratio: float) -> float:
    """Fraction of the peak learning rate at `step`: linear warmup, then a cosine to zero."""
    warmup = max(1, round(warmup_ratio * steps)) if warmup_ratio else 0
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def warmup_stable_decay(step: int, steps: int, warmup_ratio: float, decayed: float) -> float:
    """Fraction of the peak learning rate at `step`: linear warmup, constant, linear to zero.

    `decayed` is the part of the decay phase that is over, 0 to 1 (Hu et al., MiniCPM, 2024,
    https://arxiv.org/abs/2404.06395).
    """
    warmup = max(1, round(warmup_ratio * steps))
    return min(1.0, (step + 1) / warmup) * (1 - decayed)


def precision(recipe: Recipe, device: str) -> str:
    """`fp32` or `bf16`: as the recipe says, or for "auto" what the device is made for.

    On a CPU that is fp32, which gives the same bytes every time.
    """
    if recipe.precision != "auto":
        return recipe.precision
    return "bf16" if device == "cuda" else "fp32"


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Run arithmetic in that precision; the weights stay fp32."""
    if precision == "bf16":
        return torch.autocast(device, dtype=torch.bfloat16)
    return nullcontext()
