"""Several users' LoRA adapters in one forward pass, beside one user after the other.

    python benchmarks/bench_adapters.py [--users 4] [--layers 4] [--width 256] [--posts 200]

Both ways train the same adapters on the same posts, in turns; the median of the rounds is taken.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench_fleet import example_posts, write_base
from machine import describe

from hubtools.report import SilentReporter
from hubtools.training.adapter import add_adapter, remove_adapter
from hubtools.training.base import Base, load_base
from hubtools.training.loop import fit
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.stacked import User, fit_stacked
from hubtools.training.tokens import TokenBlocks, tokenize


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("users", 4), ("layers", 4), ("width", 256), ("posts", 200), ("rounds", 3)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    recipe = replace(load_recipe("adapter"), passes=1)
    with tempfile.TemporaryDirectory() as temporary:
        write_base(Path(temporary), given.layers, given.width)
        base = load_base(temporary, recipe.dropout)
        users = [user(base, given.posts, number) for number in range(given.users)]
        rounds = [
            (one_by_one(base, users, recipe, Path(temporary)), together(base, users, recipe))
            for _ in range(given.rounds)
        ]
    alone, stacked = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(describe("hubtools", "torch", "transformers"))
    print(f"{given.users} users of {given.posts} posts, {given.layers} layers of {given.width}")
    print(f"load {os.getloadavg()[0]:.1f}, device {base.device}")
    print(f"one after the other  {alone:6.2f} s")
    print(f"in one forward pass  {stacked:6.2f} s")
    print(f"ratio                {alone / stacked:6.2f}")


def user(base: Base, posts: int, number: int) -> User:
    texts = random.Random(number).sample(example_posts(), posts)
    rows = tokenize(base.tokenizer, texts, (base.start, base.end), base.context)
    return User(TokenBlocks((rows,)), seed=number)


def one_by_one(base: Base, users: list[User], recipe: Recipe, folder: Path) -> float:
    """Seconds to train each user's adapter alone."""
    assert recipe.adapter is not None
    started = time.perf_counter()
    for one in users:
        add_adapter(base, recipe.adapter, one.seed)
        fit(base, one.blocks, recipe, one.seed, folder / "checkpoint", SilentReporter())
        remove_adapter(base)
    return time.perf_counter() - started


def together(base: Base, users: list[User], recipe: Recipe) -> float:
    """Seconds to train all of them at once."""
    started = time.perf_counter()
    fit_stacked(base, users, recipe)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
