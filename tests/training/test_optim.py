"""Learning-rate schedules, the optimizer's groups, and mixed precision."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hubtools.training.optim import adamw, cosine, precision, warmup_stable_decay
from hubtools.training.recipe import Recipe


def test_cosine_rises_and_falls() -> None:
    rates = [cosine(step, 100, 0.1) for step in range(100)]
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01
    assert cosine(0, 100, 0.0) == 1.0


def test_warmup_stable_decay() -> None:
    assert [warmup_stable_decay(step, 40, 0.1, 0.0) for step in range(6)] == [
        0.25, 0.5, 0.75, 1.0, 1.0, 1.0
    ]  # fmt: skip
    assert warmup_stable_decay(30, 40, 0.1, 0.25) == 0.75
    assert warmup_stable_decay(39, 40, 0.1, 1.0) == 0.0


def test_only_matrices_decay(recipe: Recipe) -> None:
    layer = torch.nn.Linear(3, 2)
    groups = adamw(layer.parameters(), recipe).param_groups
    assert [len(group["params"]) for group in groups] == [1, 1]
    assert [group["weight_decay"] for group in groups] == [recipe.weight_decay, 0.0]


def test_precision_fits_the_device(recipe: Recipe) -> None:
    assert precision(recipe, "cpu") == "fp32"
    assert precision(recipe, "cuda") == "bf16"
    assert precision(replace(recipe, precision="fp32"), "cuda") == "fp32"
    assert precision(replace(recipe, precision="bf16"), "cpu") == "bf16"


def test_the_peak_scales_with_the_hidden_size(recipe: Recipe) -> None:
    scaled = replace(recipe, learning_rate=1e-3, reference_width=768)
    assert scaled.peak_learning_rate(384) == pytest.approx(2e-3)
    assert replace(scaled, reference_width=None).peak_learning_rate(384) == 1e-3
