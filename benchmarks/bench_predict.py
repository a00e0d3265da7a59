"""How fast predictions are made: ours against `pipeline` of the same model.

    python benchmarks/bench_predict.py [--rounds 5] [--threads 2] [--write FILE]

A tiny GPT-2 and one of GPT-2's shape, both with random weights, continue "My dream is" to
160 tokens: ten texts, and one text (there against `model.generate`, without what a pipeline adds).
No text may end earlier, so all have the same number of tokens. Theirs and ours in turn, so that a
busy machine slows both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.accounts import accounts
from benchmarks.machine import describe
from hubtools.training.base import Base, make_base
from hubtools.training.generate import generation_config, predict
from hubtools.training.recipe import Scratch, load_recipe
from hubtools.training.sampling import Sampling

PROMPT = "My dream is"
SHAPES = {"tiny": (2, 64, 2), "GPT-2's shape": (12, 768, 12)}


def main() -> None:
    """Measure and print; exits 1 when ten predictions take longer than with a pipeline."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    lines = ["| model | texts | peer | its ms | ours, ms | ours ÷ peer |"]
    lines.append("| --- | ---: | --- | ---: | ---: | ---: |")
    good = True
    for name, shape in SHAPES.items():
        base = make(shape)
        for count, peer in ((10, "pipeline"), (1, "generate")):
            theirs, ours = measure(base, count, peer, options.rounds)
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            good &= ratio < (1.0 if count == 10 else 1.2)
            lines.append(
                f"| {name} | {count} | {peer} | {1000 * statistics.median(theirs):.0f} "
                f"| {1000 * statistics.median(ours):.0f} | {ratio:.2f} |"
            )
    text = "\n".join([describe("torch", "transformers"), "", *lines])
    print(text)
    if options.write:
        call = " ".join(sys.argv[1:])
        head = "# Predicting: speed\n\n"
        options.write.write_text(f"{head}`python benchmarks/bench_predict.py {call}`\n\n{text}\n")
    if not good:
        raise SystemExit(1)


def make(shape: tuple[int, int, int]) -> Base:
    """A GPT-2 with random weights."""
    layers, width, heads = shape
    scratch = Scratch(
        vocab_size=8192, context_length=1024, n_layer=layers, n_embd=width, n_head=heads
    )
    recipe = replace(load_recipe("scratch"), scratch=scratch)
    return make_base("scratch", recipe, [p.text for a in accounts() for p in a.train], 0)


def measure(base: Base, count: int, peer: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round, theirs and ours; the first round, which warms up, left out."""
    import torch
    from transformers import pipeline

    sampling = Sampling(min_tokens=160)  # no text ends before, so all have as many tokens
    base.model.generation_config = generation_config(base, sampling)
    generator: Any = pipeline("text-generation", model=base.model, tokenizer=base.tokenizer)
    theirs, ours = [], []
    for number in range(rounds + 1):
        torch.manual_seed(number)
        started = time.perf_counter()
        if peer == "pipeline":
            generator(PROMPT, num_return_sequences=count)
        else:
            base.model.generate(**base.tokenizer(PROMPT, return_tensors="pt"))
        middle = time.perf_counter()
        predict(base, PROMPT, count, number, sampling)
        if number:
            theirs.append(middle - started)
            ours.append(time.perf_counter() - middle)
    return theirs, ours


if __name__ == "__main__":
    main()
