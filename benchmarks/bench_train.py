"""How fast training is: our loop against HF Trainer with the predecessor's recipe.

    python benchmarks/bench_train.py --only-speed [--rounds 7] [--steps 12] [--write FILE]
    python benchmarks/bench_train.py --shape tiny       each account, too
    python benchmarks/bench_train.py --shape gpt2 --compile --peak 790      on a GPU

First tokens per second, of a GPT-2 with random weights (four layers of width 256, two of 128, or
GPT-2's own shape): rounds of about 12,000 tokens of the largest account, theirs and ours in turn,
so that a busy machine slows both. Then the whole run of each account: reading the base,
tokenizing, early stopping, training, saving. Tokens are those of posts and their ends; what
pads a batch does not count. `--compile` adds a line with compiled code, whose making is said
beside it; `--peak` adds the share of the device's arithmetic that is used, at 6 operations a
parameter and token.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.accounts import Measured, accounts
from benchmarks.machine import describe
from benchmarks.peer import peer_blocks, peer_train
from hubtools.core.events import Reporter
from hubtools.training.base import Base, load_base
from hubtools.training.compile import CompiledLoss, padded_shape
from hubtools.training.data import Batch, count_tokens, length_sorted_batches, prepare
from hubtools.training.optim import Optimizer
from hubtools.training.recipe import Recipe, Scratch, load_recipe
from hubtools.training.trainer import Gradients, Trainer

SHAPES = {
    "tiny": Scratch(vocab_size=2048, context_length=1024, n_layer=2, n_embd=128, n_head=4),
    "small": Scratch(vocab_size=8192, context_length=1024, n_layer=4, n_embd=256, n_head=8),
    "gpt2": Scratch(vocab_size=50257, context_length=1024, n_layer=12, n_embd=768, n_head=12),
}
PROMISED = {"fp32": 1.5, "bf16": 2.0}


def main() -> None:
    """Measure and print; exits 1 when a ratio is below what the project promises."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=12, help="of the peer, in a round")
    parser.add_argument("--shape", choices=SHAPES, default="small", help="of the model")
    parser.add_argument("--compile", action="store_true", help="compiled code, too")
    parser.add_argument("--peak", type=float, help="of the device, in TFLOP/s")
    parser.add_argument("--only-speed", action="store_true", help="leave out each account")
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--write", type=Path, help="a Markdown file for the tables")
    options = parser.parse_args()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    measured = accounts()
    lines = [describe("torch", "transformers", "accelerate"), ""]
    with tempfile.TemporaryDirectory() as folder:
        base = make_base(Path(folder), SHAPES[options.shape], measured)
        speeds, good = tokens_a_second(base, measured, options)
        times, less = ([], True) if options.only_speed else all_told(base, measured)
    text = "\n".join([*lines, *speeds, "", *times])
    print(text)
    if options.write:
        call = " ".join(sys.argv[1:])
        head = "# Training: speed\n\n"
        options.write.write_text(f"{head}`python benchmarks/bench_train.py {call}`\n\n{text}\n")
    if not (good and less):
        raise SystemExit(1)


def make_base(folder: Path, shape: Scratch, measured: list[Measured]) -> str:
    """A GPT-2 with random weights, its tokenizer from the posts: only its shape matters."""
    from hubtools.training.base import make_base as make

    recipe = replace(load_recipe("scratch"), scratch=shape, dropout=None)
    base = make("scratch", recipe, [p.text for a in measured for p in a.train], 0)
    base.model.resize_token_embeddings(shape.vocab_size)
    base.model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    return str(folder)


def tokens_a_second(
    folder: str, measured: list[Measured], options: argparse.Namespace
) -> tuple[list[str], bool]:
    """The first table, and whether the promised ratios are reached."""
    largest = max(measured, key=lambda account: len(account.train))
    tokens = options.steps * 1024
    theirs = peer_round(folder, largest, options.steps)
    ways: dict[str, Callable[[], float]] = {"HF Trainer, huggingtweets, fp32": theirs}
    for precision in PROMISED:
        recipe = replace(load_recipe("default"), precision=precision)
        ways[f"ours, default, {precision}"] = our_round(folder, largest, recipe, tokens)
        if options.compile:
            way = our_round(folder, largest, recipe, tokens, compiling=True)
            ways[f"ours, default, compiled, {precision}"] = way
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(options.rounds + 1):
        for name, way in ways.items():
            speed = way()
            if number:  # the first round warms up
                speeds[name].append(speed)
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    lines, good = ratios_table(speeds, medians)
    if options.peak:
        needed = 6 * load_base(folder).parameters / options.peak / 1e12
        shares = (f"{name}: {speed * needed:.1%}" for name, speed in medians.items())
        lines += ["", f"Of {options.peak:g} TFLOP/s are used: {'; '.join(shares)}."]
    return lines, good


def ratios_table(
    speeds: dict[str, list[float]], medians: dict[str, float]
) -> tuple[list[str], bool]:
    """Each way's speed by that of the first, round by round."""
    first = next(iter(speeds.values()))
    lines = ["| way | tokens/s | median ratio | lowest, highest |"]
    lines.append("| --- | ---: | ---: | ---: |")
    good = True
    for name, found in speeds.items():
        ratios = [ours / peer for ours, peer in zip(found, first, strict=True)]
        ratio = statistics.median(ratios)
        lines.append(
            f"| {name} | {medians[name]:,.0f} | {ratio:.2f} "
            f"| {min(ratios):.2f}, {max(ratios):.2f} |"
        )
        promised = PROMISED.get(name.rpartition(" ")[2], 0) if name.startswith("ours") else 0
        good &= ratio >= promised
    return lines, good


def peer_round(folder: str, account: Measured, steps: int) -> Callable[[], float]:
    """Tokens a second of the Trainer's own loop, without what it sets up."""
    base = load_base(folder)
    data = peer_blocks(base.tokenizer, [post.text for post in account.train], 0)[:steps]

    def run() -> float:
        started = time.perf_counter()
        peer_train(base.model, data, 0)
        whole = time.perf_counter() - started
        started = time.perf_counter()
        peer_train(base.model, data[:1], 0)
        setting_up = time.perf_counter() - started
        return (len(data) - 1) * 1023 / (whole - setting_up)

    return run


def our_round(
    folder: str, account: Measured, recipe: Recipe, tokens: int, *, compiling: bool = False
) -> Callable[[], float]:
    """Tokens a second of our loop over batches of one epoch, as they come."""
    base = load_base(folder, dropout=recipe.dropout)
    if compiling:
        base = replace(base, compiled=CompiledLoss(base.model))
    data = prepare(base, [account.split(recipe)], recipe)
    batches = list(length_sorted_batches(data.train, recipe.tokens_per_step, 0, 0))
    gradients, optimizer = Gradients(base, recipe, Reporter()), Optimizer(base.model, recipe)

    def step(batch: Batch, learning_rate: float) -> int:
        gradients(batch)
        optimizer.step(learning_rate)
        return count_tokens(batch)

    if compiling:
        base.model.train()
        tokens_per_step, context = recipe.tokens_per_step, base.context
        one_each = {
            padded_shape(max(map(len, batch)) - 1, tokens_per_step, context): batch
            for batch in batches
        }
        took = seconds(lambda: [step(batch, 1e-9) for batch in one_each.values()])
        print(f"compiled {len(one_each)} shapes in {took:.0f} s", file=sys.stderr)

    def run() -> float:
        base.model.train()
        done = 0
        started = time.perf_counter()
        while done < tokens:
            batch = batches.pop()
            batches.insert(0, batch)
            done += step(batch, recipe.learning_rate)
        return done / (time.perf_counter() - started)

    return run


def all_told(folder: str, measured: list[Measured]) -> tuple[list[str], bool]:
    """The second table, and whether ours takes less time for every account."""
    lines = ["| account | posts | HF Trainer, s | ours, s | in training | ours ÷ theirs | epochs |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    good = True
    for account in measured:
        theirs = seconds(lambda a=account: peer_account(folder, a))  # type: ignore[misc]
        made: list[tuple[int, float]] = []
        ours = seconds(lambda a=account, m=made: m.append(our_account(folder, a)))  # type: ignore[misc]
        good &= ours < theirs
        epochs, training = made[0]
        lines.append(
            f"| {account.name} | {len(account.train)} | {theirs:.1f} | {ours:.1f} "
            f"| {training / ours:.0%} | {ours / theirs:.2f} | {epochs} |"
        )
    return lines, good


def seconds(work: Callable[[], Any]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peer_account(folder: str, account: Measured) -> None:
    """All that the notebook does between posts and a folder."""
    base = load_base(folder)
    peer_train(base.model, peer_blocks(base.tokenizer, [post.text for post in account.train], 0), 0)
    save(base)


def our_account(folder: str, account: Measured) -> tuple[int, float]:
    """The same with `default`; how many epochs it took, and the seconds that these took."""
    recipe = load_recipe("default")
    base = load_base(folder, dropout=recipe.dropout)
    data = prepare(base, [account.split(recipe)], recipe)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        made = Trainer(base, data, recipe, seed=0, checkpoint=Path(work) / "c").train()
    training = time.perf_counter() - started
    save(base)
    return made.epochs, training


def save(base: Base) -> None:
    """Into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
