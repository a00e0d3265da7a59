"""Recipes of one's own: what a file may contain, and what is refused with file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import ConfigError
from hubtools.training.recipe import Recipe, load_recipe, recipe_for

MINE = """
learning_rate = {rate}
epochs = {epochs}
tokens_per_step = 1024
warmup_ratio = 0.0
weight_decay = 0.0
max_grad_norm = 1.0
betas = [0.9, 0.999]
{more}
"""
STOPPING = "[early_stopping]\nval_fraction = 0.1\nmin_delta = 0.0\ndecay_ratio = 0.5\n"


def mine(folder: Path, rate: object = 1e-4, epochs: object = 4, more: str = "") -> Recipe:
    file = folder / "mine.toml"
    file.write_text(MINE.format(rate=rate, epochs=epochs, more=more))
    return load_recipe(str(file))


def test_a_recipe_in_a_file(tmp_path: Path) -> None:
    recipe = mine(tmp_path)
    assert (recipe.name, recipe.learning_rate, recipe.early_stopping) == ("mine", 1e-4, None)
    targets = mine(tmp_path, more="[lora]\nrank = 8\nalpha = 16\ntarget_modules = ['c_attn']")
    assert targets.lora is not None and targets.lora.target_modules == ("c_attn",)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ({"more": "leraning_rate = 1.0"}, r"'leraning_rate'.*'learning_rate'"),
        ({"more": f"{STOPPING}wait = 1"}, "early_stopping.wait"),
        ({"rate": -1}, r"mine\.toml: learning_rate: Expected float > 0"),
        ({"rate": '"fast"'}, r"learning_rate: Expected float, got str"),
        ({"epochs": 0}, r"epochs: Expected int >= 1"),
        ({"more": 'precision = "fp8"'}, "precision: Invalid enum value"),
        ({"more": "[packing]\nblock_size = 1000"}, "multiple of packing.block_size"),
        ({"more": "dropout = 1.0"}, "dropout: Expected float < 1"),
        ({"epochs": 1, "more": STOPPING}, "early_stopping"),
        ({"more": f"{STOPPING}[packing]\nblock_size = 512"}, "early_stopping and packing"),
    ],
)
def test_a_mistake_in_a_recipe_names_file_and_key(
    written: dict[str, Any], error: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=error):
        mine(tmp_path, **written)


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("defualt")
    assert "default, huggingtweets, lora, scratch" in (caught.value.fix or "")


def test_recipes_that_do_not_fit_a_base_from_scratch() -> None:
    for name in ("lora", "huggingtweets"):
        with pytest.raises(ConfigError) as caught:
            recipe_for("scratch", name)
        assert caught.value.fix is not None
    assert recipe_for("scratch", None).scratch is not None


def test_epochs_of_decay_follow_the_constant_ones() -> None:
    recipe = load_recipe("default")
    assert recipe.total_epochs(None) == recipe.epochs == 9
    assert [recipe.total_epochs(stable) for stable in (1, 2, 4, 6)] == [2, 3, 6, 9]
