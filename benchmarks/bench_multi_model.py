"""Several models in one forward pass, beside one after the other: LoRA adapters and whole models.

    python benchmarks/bench_multi_model.py [--users 4] [--layers 4] [--width 256] [--posts 200]

Both ways train the same models on the same posts, in turns; the median of the rounds is taken. On a
GPU, --compile has both as CUDA graphs, and a first round that is not counted compiles.
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
from dataclasses import dataclass, replace
from pathlib import Path

from bench_fleet import example_posts, write_base
from hubtools.training.compiled import CompiledLoss
from hubtools.training.loop import fit
from hubtools.training.stacked import Stack, User
from hubtools.training.tokens import TokenBlocks, tokenize
from machine import describe

from hubtools.core.events import Reporter
from hubtools.training.base import Base, load_base
from hubtools.training.lora import add_adapter, remove_adapter
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.trackers import NoLog


@dataclass(frozen=True, slots=True)
class Setting:
    """What both ways have in common."""

    base: Base
    recipe: Recipe
    users: Sequence[User]
    rounds: int
    compiling: bool


def main() -> None:
    """Print both ways and their ratio, for adapters and for whole models."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("users", 4), ("layers", 4), ("width", 256), ("posts", 200), ("rounds", 3)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    print(describe("hf-hubtools", "torch", "transformers"))
    print(f"{given.users} users of {given.posts} posts, {given.layers} layers of {given.width}")
    recipes = {
        "adapters": replace(load_recipe("lora"), epochs=1, early_stopping=None),
        "models": replace(load_recipe("default"), epochs=1, early_stopping=None, dropout=0.0),
    }
    with tempfile.TemporaryDirectory() as temporary:
        write_base(Path(temporary), given.layers, given.width)
        for what, recipe in recipes.items():
            base = load_base(temporary, recipe.dropout)
            if given.compile:
                base = replace(base, compiled=CompiledLoss(base.model))
            users = [user(base, given.posts, number) for number in range(given.users)]
            compare(what, Setting(base, recipe, users, given.rounds, given.compile), temporary)


def compare(what: str, setting: Setting, folder: str) -> None:
    """Take turns, and print what came of it."""
    backend = "inductor" if setting.compiling else None
    stack = Stack(setting.base, setting.recipe, len(setting.users), backend)
    rounds = [
        (alone(setting, Path(folder)), together(setting, stack))
        for _ in range(setting.rounds + setting.compiling)
    ]
    one, both = (
        statistics.median(column[setting.compiling :]) for column in zip(*rounds, strict=True)
    )
    print(f"\n{what}, device {setting.base.device}, load {os.getloadavg()[0]:.1f}")
    print(f"one after the other  {one:6.2f} s")
    print(f"in one forward pass  {both:6.2f} s")
    print(f"ratio                {one / both:6.2f}")


def user(base: Base, posts: int, number: int) -> User:
    texts = random.Random(number).sample(example_posts(), posts)
    rows = tokenize(base.tokenizer, texts, (base.start, base.end), base.context)
    return User(
        blocks=TokenBlocks((rows,)),
        aside=None,
        seed=number,
        report=Reporter(),
        log=NoLog(),
    )


def alone(setting: Setting, folder: Path) -> float:
    """Seconds to train one user after the other; each whole model goes on where the last ended."""
    base, recipe = setting.base, setting.recipe
    started = time.perf_counter()
    for one in setting.users:
        if recipe.lora is not None:
            add_adapter(base, recipe.lora, one.seed)
        fit(base, one.blocks, recipe, one.seed, folder / "checkpoint", Reporter())
        remove_adapter(base)
    return time.perf_counter() - started


def together(setting: Setting, stack: Stack) -> float:
    """Seconds to train all of them at once."""
    started = time.perf_counter()
    stack.fit(setting.users)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
