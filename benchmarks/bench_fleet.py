"""How many models an hour a fleet makes, beside what people would do without one.

    python benchmarks/bench_fleet.py [--models 16] [--layers 2] [--width 128]

Sixteen small accounts, cut from the example's posts, and one small base with random weights: what a
model costs besides arithmetic is what is measured. Four ways, in the same run, each in processes
of its own, imports and all:

- a loop of `hubtools train`, a process a model (a quarter of the models, half of them at the end);
- a loop of transformers' Trainer in one process with the predecessor's recipe, which loads the
  base, trains, makes ten predictions and saves (likewise);
- `hubtools fleet run` in one process, with one worker on one core, and with one worker a core.

On a GPU give --layers 12 --width 768 for GPT-2's size; workers are then GPUs. What stands behind
`--` goes to `hubtools fleet run`: -- --recipe lora --models-per-batch 8 --compile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import describe

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "harbourlog.zip"
POSTS = 250
FASTER_THAN_LOOP = 1.5
FASTER_THAN_TRAINER = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of making models."""

    name: str
    models: int
    seconds: float
    load: float
    """Of the machine when it began: processes that wanted a core."""
    steady: float | None = None
    """Models an hour without the start, where it is known."""
    busy: float | None = None
    """Share of the workers' time with a model on the device."""

    @property
    def per_hour(self) -> float:
        return 3600 * self.models / self.seconds


def main() -> int:
    """Print the table; 1 when the fleet is not as fast as the limits say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("options", nargs="*", metavar="OPTION", help="of hubtools fleet run")
    parser.add_argument("--peer", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--sources", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        peer(Path(given.peer), [Path(source) for source in given.sources])
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as temporary:
        return compare(Path(temporary), given.models, given.layers, given.width, given.options)


def compare(folder: Path, count: int, layers: int, width: int, options: Sequence[str]) -> int:
    """Take turns, and print what came of it."""
    write_base(folder / "base", layers, width)
    sources = write_accounts(folder, count)
    few = max(2, count // 4)
    halves = sources[: few // 2], sources[few // 2 : few]
    cores = len(os.sched_getaffinity(0))
    first = [loop_of_processes(folder, halves[0]), loop_of_trainers(folder, halves[0])]
    fleets = [
        fleet(folder, f"fleet, in one process on {cores} cores", 0, cores, options),
        fleet(folder, "fleet, 1 worker on 1 core", 1, 1, options),
        fleet(folder, f"fleet, {cores} workers on {cores} cores", cores, 1, options),
    ]
    second = [loop_of_processes(folder, halves[1]), loop_of_trainers(folder, halves[1])]
    loop, trainer = (joined(a, b) for a, b in zip(first, second, strict=True))
    print(describe("hf-hubtools", "ray", "torch", "transformers"))
    said = " ".join(["", *options])
    print(f"{count} accounts of {POSTS} posts, {layers} layers of {width}{said}\n")
    best = max(fleets, key=lambda one: one.per_hour)
    print(f"{'':40} {'models/h':>9} {'steady':>7} {'device':>7} {'load':>5}   ratio to the fleet")
    for one in (loop, trainer, *fleets):
        steady = f"{one.steady:,.0f}" if one.steady else ""
        busy = f"{one.busy:.0%}" if one.busy else ""
        ratio = best.per_hour / one.per_hour
        numbers = f"{one.per_hour:9,.0f} {steady:>7} {busy:>7} {one.load:5.1f}   {ratio:.2f}"
        print(f"{one.name:40} {numbers}")
    scaling = (fleets[2].steady or 0) / (fleets[1].steady or 1)
    print(f"\nfrom one worker to {cores}: {scaling:.2f} times the models an hour, the start aside")
    faster = best.per_hour / loop.per_hour, best.per_hour / trainer.per_hour
    print(f"limits: {faster[0]:.2f} (at least {FASTER_THAN_LOOP}), ", end="")
    print(f"{faster[1]:.2f} (at least {FASTER_THAN_TRAINER})")
    return int(faster[0] < FASTER_THAN_LOOP or faster[1] < FASTER_THAN_TRAINER)


def write_base(folder: Path, layers: int, width: int) -> None:
    """A GPT-2 with random weights, and a tokenizer learned from the example."""
    from hubtools.training.base import make_base
    from hubtools.training.recipe import SCRATCH, Scratch, load_recipe

    shape = Scratch(
        vocab_size=4096, context_length=1024, n_layer=layers, n_embd=width, n_head=width // 32
    )
    recipe = load_recipe("scratch")
    object.__setattr__(recipe, "scratch", shape)
    base = make_base(SCRATCH, recipe, example_posts(), 0)
    base.model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)


def example_posts() -> list[str]:
    from hubtools.corpus.corpus import build_corpus
    from hubtools.posts.registry import read_source

    return [post.text for post in build_corpus(read_source(str(EXAMPLE))).kept]


def write_accounts(folder: Path, count: int) -> list[Path]:
    """Each a different choice of the example's posts; and the manifest of them all."""
    texts, sources = example_posts(), []
    for number in range(count):
        chosen = random.Random(number).sample(texts, POSTS)
        source = folder / f"account{number}.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen))
        sources.append(source)
    tables = "".join(f'\n[[models]]\nsources = "{source.name}"\n' for source in sources)
    (folder / "fleet.toml").write_text(f'[defaults]\nbase = "base"\n{tables}')
    return sources


def fleet(folder: Path, name: str, workers: int, threads: int, options: Sequence[str]) -> Measured:
    """All models, in a project of its own."""
    project = folder / f"fleet-{workers}"
    project.mkdir()
    (project / "hubtools.toml").write_text("")
    command = [
        "hubtools", "fleet", "run", folder / "fleet.toml", "--workers", str(workers),
        "--no-publish", "--json", "-q", *options,
    ]  # fmt: skip
    started, load = time.perf_counter(), os.getloadavg()[0]
    out = run([sys.executable, "-m", *command], project, threads)
    seconds = time.perf_counter() - started
    done = json.loads(out)
    assert done["trained"] == done["total"], done["failed"]
    rate, busy = done["models_per_hour"], done["device_utilization"]
    return Measured(name, done["trained"], seconds, load, rate, busy)


def loop_of_processes(folder: Path, sources: Sequence[Path]) -> Measured:
    """A process a model, one after the other, each with all cores."""
    started, load = time.perf_counter(), os.getloadavg()[0]
    for source in sources:
        out = folder / "single" / source.stem
        command = ["hubtools", "train", source, "--out", out, "--base", folder / "base", "-q"]
        run([sys.executable, "-m", *command], folder, len(os.sched_getaffinity(0)))
    seconds = time.perf_counter() - started
    return Measured("loop of hubtools train", len(sources), seconds, load)


def loop_of_trainers(folder: Path, sources: Sequence[Path]) -> Measured:
    """One process that trains one model after the other, with all cores."""
    started, load = time.perf_counter(), os.getloadavg()[0]
    command = [sys.executable, __file__, "--peer", folder / "base", "--sources", *sources]
    run(command, folder, len(os.sched_getaffinity(0)))
    seconds = time.perf_counter() - started
    return Measured("loop of Trainer", len(sources), seconds, load)


def peer(base: Path, sources: Sequence[Path]) -> None:
    """What a script around Trainer does for each account: load, train, predict, save."""
    import torch
    from peer import peer_blocks, peer_train
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for source in sources:
        texts = [json.loads(line)["text"] for line in source.read_text().splitlines()]
        tokenizer: Any = AutoTokenizer.from_pretrained(base)
        model: Any = AutoModelForCausalLM.from_pretrained(base)
        peer_train(model, peer_blocks(tokenizer, texts, seed=1), seed=1)
        prompt = tokenizer("My dream is", return_tensors="pt").to(model.device)
        with torch.inference_mode():
            model.generate(
                **prompt, do_sample=True, top_p=0.95, max_length=160, num_return_sequences=10
            )
        model.save_pretrained(base.parent / "peer" / source.stem)
        tokenizer.save_pretrained(base.parent / "peer" / source.stem)


def joined(one: Measured, other: Measured) -> Measured:
    """Both halves of a way as one."""
    load = (one.load + other.load) / 2
    return Measured(one.name, one.models + other.models, one.seconds + other.seconds, load)


def run(command: Sequence[object], folder: Path, threads: int) -> str:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
