"""Several models trained together, beside one after the other: adapters and whole models.

    python benchmarks/bench_multi_model.py [--models 4] [--layers 4] [--width 256] [--posts 200]

Both ways train the same models on the same posts, in turns; the ratios are of turns that follow
each other.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from bench_fleet import example_posts, write_base
from machine import describe

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.training.base import Base
from hubtools.training.data import TokenRows, TrainData, tokenize
from hubtools.training.lora import add_adapter
from hubtools.training.model_cache import ModelCache
from hubtools.training.multi_model import GroupGradients, ModelGroup
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Setting:
    """What both ways have in common."""

    base: str
    recipe: Recipe
    models: int
    posts: int
    texts: Sequence[str]
    folder: Path


def main() -> None:
    """Print both ways and their ratio, for adapters and for whole models."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("models", 4), ("layers", 4), ("width", 256), ("posts", 200), ("rounds", 3)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    print(describe("torch", "transformers"))
    print(f"{given.models} models of {given.posts} posts, {given.layers} layers of {given.width}")
    recipes = {
        "adapters": replace(load_recipe("lora"), epochs=1, early_stopping=None),
        "whole models": replace(load_recipe("default"), epochs=1, early_stopping=None, dropout=0.0),
    }
    texts = example_posts()
    with tempfile.TemporaryDirectory() as temporary:
        write_base(Path(temporary), given.layers, given.width)
        for what, recipe in recipes.items():
            setting = Setting(temporary, recipe, given.models, given.posts, texts, Path(temporary))
            rounds = [(alone(setting), together(setting)) for _ in range(given.rounds)]
            ratios = [one / both for one, both in rounds]
            print(f"\n{what}, load {os.getloadavg()[0]:.1f}")
            print(f"one after the other  {statistics.median(one for one, _ in rounds):6.2f} s")
            print(f"together             {statistics.median(both for _, both in rounds):6.2f} s")
            print(f"ratio                {statistics.median(ratios):6.2f}")
            print(f"lowest, highest      {min(ratios):6.2f} {max(ratios):6.2f}")


def alone(setting: Setting) -> float:
    """Seconds to train one model after the other."""
    models = ModelCache()
    models.load(setting.base, setting.recipe, (), 0)
    started = time.perf_counter()
    for seed in range(setting.models):
        train(setting, models.load(setting.base, setting.recipe, (), seed), seed)
    return time.perf_counter() - started


def together(setting: Setting) -> float:
    """Seconds to train all of them at once."""
    models = ModelCache(models_per_batch=setting.models)
    bases = [models.load_copy(setting.base, setting.recipe, seed) for seed in range(setting.models)]
    group = ModelGroup(setting.models, nullcontext)
    started = time.perf_counter()
    with ThreadPoolExecutor(setting.models) as pool:
        list(pool.map(lambda pair: train(setting, pair[1], pair[0], group), enumerate(bases)))
    return time.perf_counter() - started


def train(setting: Setting, base: Base, seed: int, group: ModelGroup | None = None) -> None:
    """Train one model."""
    recipe = setting.recipe
    if recipe.lora is not None:
        add_adapter(base.model, recipe.lora, seed)
    texts = random.Random(seed).sample(setting.texts, setting.posts)
    gradients = GroupGradients(group, base, recipe, Reporter()) if group else None
    with group.member(CancelToken()) if group else nullcontext():
        Trainer(
            base,
            TrainData(TokenRows((tokenize(base, texts, base.context),))),
            recipe,
            seed=seed,
            checkpoint=setting.folder / f"checkpoint{seed}",
            gradients=gradients,
        ).train()


if __name__ == "__main__":
    sys.exit(main())
