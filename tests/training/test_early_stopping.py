"""Early stopping: the number of epochs follows from the validation loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.training.checkpoint import HistoryPoint, TrainState
from hubtools.training.data import Batches, TokenRows, TrainData
from hubtools.training.recipe import EarlyStopping, Recipe
from hubtools.training.trainer import _stable_phase_ends
from tests.training.makers import posts
from tests.training.runs import interrupt, run, weights_of

TRAIN, VALIDATION = posts(90)[:80], posts(90)[80:]


@pytest.fixture
def stopping(recipe: Recipe) -> Recipe:
    early = EarlyStopping(val_fraction=0.1, min_delta=0.01, decay_ratio=0.5)
    return replace(recipe, epochs=8, learning_rate=3e-3, early_stopping=early)


def stable_epochs(recipe: Recipe, losses: list[float]) -> int | None:
    """When these validation losses let the rate decay; the first is from before training."""
    state = TrainState()
    for epoch, loss in enumerate(losses):
        state.epoch = epoch
        state.history.append(
            HistoryPoint(epoch=epoch, step=epoch, learning_rate=0.0, train_loss=None, val_loss=loss)
        )
        if epoch and _stable_phase_ends(recipe, state):
            state.stable_epochs = epoch
    return state.stable_epochs


def test_the_rate_is_constant_while_validation_improves(stopping: Recipe) -> None:
    assert stable_epochs(stopping, [6.0, 5.0]) is None
    assert stable_epochs(stopping, [6.0, 5.0, 4.0, 3.99]) == 3
    assert stable_epochs(stopping, [6.0, 5.0, 5.5]) == 2
    assert stable_epochs(stopping, [6.0, 5.999]) == 1


def test_there_are_never_more_epochs_than_the_recipe_allows(stopping: Recipe) -> None:
    improving = [6 * 0.9**number for number in range(12)]
    stable = stable_epochs(stopping, improving)
    assert stable is not None
    assert stopping.total_epochs(stable) <= 8 < stopping.total_epochs(stable + 1)


def test_the_history_shows_the_decision(stopping: Recipe, tmp_path: Path) -> None:
    _, made = run(stopping, tmp_path / "c", train=TRAIN, validation=VALIDATION)
    assert made.stable_epochs is not None
    validated = [point for point in made.history if point.val_loss is not None]
    assert [point.epoch for point in validated] == list(range(made.stable_epochs + 1))
    best = min(validated, key=lambda point: point.val_loss or 0.0)
    assert (made.best_epoch, made.val_loss) == (best.epoch, best.val_loss)
    assert made.stable_epochs < made.epochs <= 8
    assert made.history[0].train_loss is None
    assert made.history[-1].step == made.steps
    assert [point.step for point in made.history] == sorted({p.step for p in made.history})
    rates = [point.learning_rate for point in made.history]
    assert rates[-1] < 0.2 * max(rates)
    stable = [p.learning_rate for p in made.history if 1 <= p.epoch <= made.stable_epochs]
    assert set(stable) == {stopping.learning_rate}


def test_the_decay_phase_sees_the_validation_split_too(stopping: Recipe) -> None:
    train, validation = (((9, 1, 9), (9, 2, 9)),), (((9, 7, 9),),)
    batches = Batches(TrainData(TokenRows(train), TokenRows(validation)), stopping, 0, 64)

    def tokens(epoch: int, decaying: bool) -> set[int]:
        return {token for b in batches.epoch(epoch, decaying) for row in b for token in row}

    assert tokens(1, decaying=False) == {1, 2, 9}
    assert tokens(2, decaying=True) == {1, 2, 7, 9}


def test_an_interruption_changes_neither_decision_nor_weights(
    stopping: Recipe, tmp_path: Path
) -> None:
    """In the first epoch, where the decay begins, within it and at the last step."""
    short = replace(stopping, epochs=3, tokens_per_step=512)
    whole, expected = run(short, tmp_path / "whole", validation=VALIDATION)
    assert expected.stable_epochs is not None
    decay = next(p.step for p in expected.history if p.epoch == expected.stable_epochs)
    for at in (2, decay, decay + 2, expected.steps):
        interrupt(short, tmp_path / "c", at, validation=VALIDATION)
        resumed, made = run(short, tmp_path / "c", validation=VALIDATION)
        assert made == expected
        assert weights_of(resumed) == weights_of(whole)
        (tmp_path / "c").unlink()
