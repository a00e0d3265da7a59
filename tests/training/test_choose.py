"""The number of passes is found by the loss on posts that are kept aside."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.errors import ConfigError, ModelError
from hubtools.core.events import Reporter
from hubtools.training.base import Base, make_base
from hubtools.training.checkpoint import Point, Progress
from hubtools.training.course import Fit
from hubtools.training.loop import fit
from hubtools.training.plan import Plan
from hubtools.training.recipe import EarlyStopping, Recipe, load_recipe
from hubtools.training.tokens import TokenBlocks, tokenize
from tests.training.makers import posts

KEPT, ASIDE = posts(90)[:80], posts(90)[80:]


@pytest.fixture
def choosing(recipe: Recipe) -> Recipe:
    choose = EarlyStopping(share=0.1, gain=0.01, decay=0.5)
    return replace(recipe, epochs=8, learning_rate=3e-3, early_stopping=choose)


def run(recipe: Recipe, checkpoint: Path, report: Any = None) -> tuple[Base, Fit]:
    base = make_base("scratch", recipe, KEPT, 1)
    rows = [
        TokenBlocks((tokenize(base.tokenizer, texts, (base.start, base.end), base.context),))
        for texts in (KEPT, ASIDE)
    ]
    return base, fit(base, rows[0], recipe, 1, checkpoint, report or Reporter(), rows[1])


def decided(recipe: Recipe, losses: list[float]) -> int | None:
    """The passes that are held after these losses, the first from before training."""
    blocks = TokenBlocks((((1, 2, 1), (1, 3, 1)),))
    plan = Plan(blocks, blocks, recipe, 0, 1e-3, 64)
    progress = Progress()
    for number, loss in enumerate(losses):
        progress.number = number
        point = Point(epochs=number, step=number, learning_rate=0.0, loss=None, held_out=loss)
        progress.curve = (*progress.curve, point)
        if number:
            plan.decide(progress)
    return progress.hold


def test_the_rate_stays_up_as_long_as_that_helps(choosing: Recipe) -> None:
    assert decided(choosing, [6.0, 5.0]) is None
    assert decided(choosing, [6.0, 5.0, 4.0, 3.99]) == 3
    assert decided(choosing, [6.0, 5.0, 5.5]) == 2
    assert decided(choosing, [6.0, 5.999]) == 1


def test_there_are_never_more_passes_than_the_recipe_says(choosing: Recipe) -> None:
    falling = [6 * 0.9**number for number in range(12)]
    hold = decided(choosing, falling)
    assert hold is not None and choosing.choose is not None
    assert hold + choosing.choose.falling(hold) <= 8 < hold + 1 + choosing.choose.falling(hold + 1)


def test_what_was_chosen_is_on_the_curve(choosing: Recipe, tmp_path: Path) -> None:
    _, made = run(choosing, tmp_path / "c")
    assert made.held is not None
    looked = [point for point in made.curve if point.val_loss is not None]
    assert [point.epoch for point in looked] == list(range(made.held + 1))
    assert made.held < made.epochs <= 8
    assert made.curve[0].loss is None
    assert made.curve[-1].step == made.steps
    assert [point.step for point in made.curve] == sorted({p.step for p in made.curve})
    rates = [point.learning_rate for point in made.curve]
    assert rates[-1] < 0.2 * max(rates)
    held = [point.learning_rate for point in made.curve if 1 <= point.epoch <= made.held]
    assert set(held) == {choosing.learning_rate}


def test_the_last_passes_see_the_posts_that_were_kept_aside(choosing: Recipe) -> None:
    kept, aside = (((9, 1, 9), (9, 2, 9)),), (((9, 7, 9),),)
    plan = Plan(TokenBlocks(kept), TokenBlocks(aside), choosing, 0, 1e-3, 64)

    def tokens(progress: Progress) -> set[int]:
        return {token for batch in plan.batches(progress) for row in batch for token in row}

    assert tokens(Progress(number=1)) == {1, 2, 9}
    assert tokens(Progress(number=1, hold=2)) == {1, 2, 9}
    assert tokens(Progress(number=2, hold=2)) == {1, 2, 7, 9}


class Interrupt(Reporter):
    """A person presses Ctrl-C after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def task(self, title: str, total: float) -> Iterator[Any]:
        yield self

    def advance(self, done: float, detail: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_interruption_changes_neither_choice_nor_weights(
    share: float, choosing: Recipe, tmp_path: Path
) -> None:
    whole, wanted = run(choosing, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(choosing, tmp_path / "c", Interrupt(int(share * wanted.steps)))
    resumed, made = run(choosing, tmp_path / "c")
    assert made == wanted
    for name, weight in whole.model.state_dict().items():
        assert weight.numpy().tobytes() == resumed.model.state_dict()[name].numpy().tobytes()


def test_at_the_end_of_every_pass_too(choosing: Recipe, tmp_path: Path) -> None:
    _, wanted = run(choosing, tmp_path / "whole")
    for point in wanted.curve[4::4]:
        with pytest.raises(KeyboardInterrupt):
            run(choosing, tmp_path / "c", Interrupt(point.step))
        _, made = run(choosing, tmp_path / "c")
        assert made == wanted
        (tmp_path / "c").unlink()


def test_a_checkpoint_that_is_damaged_says_so(choosing: Recipe, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(choosing, tmp_path / "c", Interrupt(3))
    file = tmp_path / "c"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"c: is damaged. Delete it"):
        run(choosing, file)


# Recipes of one's own

MINE = """
learning_rate = {rate}
passes = {passes}
tokens_per_step = 1024
warmup_ratio = 0.0
weight_decay = 0.0
max_grad_norm = 1.0
betas = [0.9, 0.999]
{more}
"""


def mine(folder: Path, rate: object = 1e-4, epochs: object = 4, more: str = "") -> Recipe:
    file = folder / "mine.toml"
    file.write_text(MINE.format(rate=rate, epochs=epochs, more=more))
    return load_recipe(str(file))


def test_a_recipe_in_a_file(tmp_path: Path) -> None:
    recipe = mine(tmp_path)
    assert (recipe.name, recipe.learning_rate, recipe.early_stopping) == ("mine", 1e-4, None)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"more": "leraning_rate = 1.0"}, r"unknown key 'leraning_rate'.*'learning_rate'\?"),
        (
            {"more": "[choose]\nval_fraction = 0.1\nmin_delta = 0.0\ndecay_ratio = 0.5\nwait = 1"},
            "choose.wait",
        ),
        ({"rate": -1}, r"mine\.toml: learning_rate: Expected float > 0"),
        ({"rate": '"fast"'}, r"learning_rate: Expected float, got str"),
        ({"epochs": 0}, r"passes: Expected int >= 1"),
        ({"more": 'precision = "fp8"'}, "precision: Invalid enum value"),
        ({"more": "[stream]\nblock_size = 1000"}, "multiple of packing.block_size"),
        ({"more": "dropout = 1.0"}, "dropout: Expected float < 1"),
        (
            {
                "epochs": 1,
                "more": "[choose]\nval_fraction = 0.1\nmin_delta = 0.0\ndecay_ratio = 0.5",
            },
            "too few",
        ),
    ],
)
def test_a_mistake_in_a_recipe_names_file_and_key(
    said: dict[str, Any], error: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=error):
        mine(tmp_path, **said)


def test_a_recipe_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="Known: adapter, default, huggingtweets, scratch"):
        load_recipe("defualt")
