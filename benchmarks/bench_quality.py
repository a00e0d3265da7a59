"""How well the test posts are predicted: our recipe against the predecessor's under HF Trainer.

    python benchmarks/bench_quality.py [--base FOLDER] [--seeds 3] [--rates] [--write FILE]

The base is a small GPT-2 that `proxy.py` pre-trains on docstrings, or the folder that is given.
Both start from it, for the same seeds, on the same posts, and are scored on the same newest tenth
of the posts that neither saw. `default` must be better on every account and on the mean by more
than the seeds of either differ. `--rates` also gives the peer other learning rates: the best of
them is picked on the scored posts, in the peer's favour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.accounts import Measured, accounts
from benchmarks.machine import describe
from benchmarks.peer import LEARNING_RATE, peer_blocks, peer_train
from benchmarks.proxy import Shape, proxy
from hubtools.training.base import Base, load_base
from hubtools.training.data import prepare
from hubtools.training.evaluate import evaluate
from hubtools.training.lora import add_adapter
from hubtools.training.recipe import load_recipe
from hubtools.training.trainer import Trainer

Way = Callable[[str, Measured, int], tuple[float, str]]


def main() -> None:
    """Measure and print; exits 1 when `default` is not better where it must be."""
    options = arguments()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.base:
        base = str(options.base)
    else:
        base = str(proxy(Path(tempfile.gettempdir()) / "hubtools-proxy", Shape()))
    measured = accounts()
    ways: dict[str, Way] = {"huggingtweets": peer(LEARNING_RATE)}
    if options.rates:
        for factor in (2, 4, 8):
            ways[f"huggingtweets, rate x {factor}"] = peer(factor * LEARNING_RATE)
    ways[options.recipe] = ours(options.recipe)
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in ways}
    notes: dict[str, list[str]] = {}
    known = Scores(options.scores)
    for account in measured:
        for seed in range(options.seeds):
            for name, way in ways.items():
                if options.account not in (None, account.name):
                    continue
                score, note = known.get((name, account.name, seed)) or known.add(
                    (name, account.name, seed), way(base, account, seed)
                )
                scores[name].setdefault(account.name, []).append(score)
                if note:
                    notes.setdefault(account.name, []).append(note)
                print(f"{account.name}, seed {seed}, {name}: {score:.4f} {note}", file=sys.stderr)
    if options.account is not None:
        return
    lines, good = table(base, measured, scores, options.recipe)
    lines += [f"- {name}: epochs {', '.join(said)}" for name, said in notes.items()]
    text = "\n".join([describe("torch", "transformers", "accelerate"), "", *lines])
    print(text)
    if options.write:
        call = " ".join(sys.argv[1:])
        head = "# Test bits per byte\n\n"
        options.write.write_text(f"{head}`python benchmarks/bench_quality.py {call}`\n\n{text}\n")
    if not good:
        raise SystemExit(1)


class Scores:
    """Scores of a file, each by way, account and seed; of none where there is no file."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[tuple[str, str, int], tuple[float, str]] = {}
        for line in file.read_text().splitlines() if file and file.is_file() else ():
            name, account, seed, score, note = json.loads(line)
            self._known[name, account, seed] = (score, note)

    def get(self, key: tuple[str, str, int]) -> tuple[float, str] | None:
        return self._known.get(key)

    def add(self, key: tuple[str, str, int], found: tuple[float, str]) -> tuple[float, str]:
        """Keep it, and give it back."""
        if self._file:
            with self._file.open("a") as file:
                file.write(json.dumps([*key, *found]) + "\n")
        return found


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path, help="a folder; without it proxy.py makes one")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default="default", help="ours, to compare")
    parser.add_argument("--rates", action="store_true", help="try other rates for the peer")
    parser.add_argument("--account", help="only this one, to run several at once")
    parser.add_argument("--scores", type=Path, help="keep scores here, and do none twice")
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    return parser.parse_args()


def peer(rate: float) -> Way:
    """HF Trainer with the predecessor's recipe."""

    def run(folder: str, account: Measured, seed: int) -> tuple[float, str]:
        base = load_base(folder)
        data = peer_blocks(base.tokenizer, [post.text for post in account.train], seed)
        peer_train(base.model, data, seed, rate)
        return score(base, account), ""

    return run


def ours(name: str) -> Way:
    """Our loop with the recipe `name`."""
    recipe = load_recipe(name)

    def run(folder: str, account: Measured, seed: int) -> tuple[float, str]:
        base = load_base(folder, dropout=recipe.dropout)
        data = prepare(base, [account.split(recipe)], recipe)
        if recipe.lora is not None:
            add_adapter(base.model, recipe.lora, seed)
        with tempfile.TemporaryDirectory() as work:
            made = Trainer(base, data, recipe, seed=seed, checkpoint=Path(work) / "c").train()
        return score(
            base, account
        ), f"{made.stable_epochs}+{made.epochs - (made.stable_epochs or 0)}"

    return run


def score(base: Base, account: Measured) -> float:
    """Bits per byte of the test posts."""
    return evaluate(base, account.test).bits_per_byte


def table(
    base: str, measured: list[Measured], scores: dict[str, dict[str, list[float]]], recipe: str
) -> tuple[list[str], bool]:
    """Lines of Markdown, and whether `recipe` is better than all others by enough."""
    untrained = load_base(base)
    lines = [
        f"| account | posts | base | {' | '.join(scores)} | better by | seeds differ by |",
        "| --- " + "| ---: " * (4 + len(scores)) + "|",
    ]
    good = True
    means: dict[str, list[list[float]]] = {name: [] for name in scores}
    for account in measured:
        values = {name: found[account.name] for name, found in scores.items()}
        for name, found in values.items():
            means[name].append(found)
        line, better = row(values, recipe)
        good &= better
        lines.append(
            f"| {account.name} | {len(account.train)} | {score(untrained, account):.3f} {line}"
        )
    average = {
        name: [statistics.mean(seeds) for seeds in zip(*found, strict=True)]
        for name, found in means.items()
    }
    line, better = row(average, recipe)
    lines.append(f"| mean | | {line}")
    lines += ["", "Mean over the seeds; what seeds differ by is the most that either's do."]
    return lines, good and better


def row(values: dict[str, list[float]], recipe: str) -> tuple[str, bool]:
    """The cells of one line, and whether `recipe` beats the best of the others by enough."""
    mean = {name: statistics.mean(found) for name, found in values.items()}
    best = min((name for name in values if name != recipe), key=mean.__getitem__)
    spread = max(max(values[name]) - min(values[name]) for name in (best, recipe))
    gain = mean[best] - mean[recipe]
    cells = [f"{value:.4f}" for value in mean.values()]
    return f"| {' | '.join(cells)} | {gain:.4f} | {spread:.4f} |", gain > spread


if __name__ == "__main__":
    main()
