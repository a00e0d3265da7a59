"""Training: it learns, it is the same for a seed, and an interruption costs nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hubtools.core.errors import ModelError, OutputError
from hubtools.core.events import Reporter
from hubtools.training.base import Base, make_base
from hubtools.training.course import Fit
from hubtools.training.evaluate import evaluate
from hubtools.training.loop import fit
from hubtools.training.plan import schedule
from hubtools.training.recipe import Recipe
from hubtools.training.step import loss_of, padded
from hubtools.training.tokens import TokenBlocks, tokenize
from tests.training.makers import posts

TEXTS = posts(80)


def start(recipe: Recipe, seed: int = 1) -> tuple[Base, TokenBlocks]:
    base = make_base("scratch", recipe, TEXTS, seed)
    rows = tokenize(base.tokenizer, TEXTS, (base.start, base.end), base.context)
    return base, TokenBlocks((rows,))


def run(recipe: Recipe, checkpoint: Path, seed: int = 1, report: Any = None) -> tuple[Base, Fit]:
    base, blocks = start(recipe, seed)
    return base, fit(base, blocks, recipe, seed, checkpoint, report or Reporter())


def weights(base: Base) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in base.model.state_dict().items()}


class PressCtrlC:
    """A reporter in whose bar a person presses Ctrl-C at step `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def note(self, text: str) -> None: ...

    def detail(self, text: str) -> None: ...

    @contextmanager
    def task(self, title: str, total: float) -> Iterator[Any]:
        yield self

    def advance(self, done: float, detail: str = "") -> None:
        if done == self.at:
            signal.raise_signal(signal.SIGINT)


def test_a_model_learns_what_it_is_shown(recipe: Recipe, tmp_path: Path) -> None:
    longer = replace(recipe, epochs=8)
    untrained, _ = start(longer)
    trained, result = run(longer, tmp_path / "c")
    held_out = posts(100)[80:]
    assert evaluate(trained, held_out).loss < 0.7 * evaluate(untrained, held_out).loss
    assert list(result.losses) == sorted(result.losses, reverse=True)
    assert len(result.losses) == 8


def test_the_same_seed_gives_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    first, one = run(recipe, tmp_path / "a")
    second, two = run(recipe, tmp_path / "b")
    other, _ = run(recipe, tmp_path / "c", seed=2)
    assert weights(first) == weights(second)
    assert one == two
    assert weights(first) != weights(other)


@pytest.mark.parametrize("at", [1, 5, 11])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    at: int, recipe: Recipe, tmp_path: Path
) -> None:
    whole, wanted = run(recipe, tmp_path / "whole")
    assert wanted.steps > 11
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "c", report=PressCtrlC(at))
    resumed, result = run(recipe, tmp_path / "c")
    assert weights(resumed) == weights(whole)
    assert result == wanted


def test_the_average_of_the_weights_is_what_is_kept(recipe: Recipe, tmp_path: Path) -> None:
    averaging = replace(recipe, ema_decay=0.8)
    last, _ = run(recipe, tmp_path / "last")
    base, blocks = start(averaging)
    seen: list[torch.Tensor] = []
    name = next(name for name, _ in base.model.named_parameters())

    class Watch(PressCtrlC):
        def advance(self, done: float, detail: str = "") -> None:
            seen.append(base.model.get_parameter(name).detach().clone())

    fit(base, blocks, averaging, 1, tmp_path / "c", Watch(0))
    wanted = seen[0]
    for weight in seen[1:]:
        wanted = 0.8 * wanted + 0.2 * weight
    torch.testing.assert_close(base.model.get_parameter(name), wanted)
    assert weights(last)[name] == seen[-1].numpy().tobytes()


def test_an_interrupted_average_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    averaging = replace(recipe, ema_decay=0.8)
    whole, _ = run(averaging, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(averaging, tmp_path / "c", report=PressCtrlC(5))
    resumed, _ = run(averaging, tmp_path / "c")
    assert weights(resumed) == weights(whole)


def test_ctrl_c_works_as_before_afterwards(recipe: Recipe, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "c", report=PressCtrlC(2))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_loss_that_is_no_number_stops(recipe: Recipe, tmp_path: Path) -> None:
    wild = replace(recipe, learning_rate=1e30, max_grad_norm=1e30, warmup_ratio=0.0)
    with pytest.raises(ModelError, match=r"at step \d+ of \d+.*learning_rate"):
        run(wild, tmp_path / "c")


def test_a_checkpoint_that_cannot_be_written_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone/c"):
        run(recipe, tmp_path / "gone" / "c", report=PressCtrlC(1))


def test_filling_changes_no_loss(recipe: Recipe) -> None:
    base, blocks = start(recipe)
    base.model.eval()
    short, long = sorted(blocks.accounts[0], key=len)[0], max(blocks.accounts[0], key=len)
    assert len(short) < len(long)
    with torch.inference_mode():
        alone = loss_of(base.model, *padded((short,), "cpu"))
        together = loss_of(base.model, *padded((short, long), "cpu"))[: len(short) - 1]
    torch.testing.assert_close(alone, together)


def test_the_end_of_a_post_is_learned() -> None:
    inputs, labels = padded(((9, 1, 2, 9), (9, 3, 9)), "cpu")
    assert inputs.tolist() == [[9, 1, 2], [9, 3, 9]]
    assert labels.tolist() == [[1, 2, 9], [3, 9, -100]]


def test_the_rate_rises_and_falls() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01
