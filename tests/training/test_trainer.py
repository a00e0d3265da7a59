"""Training: it learns, it is the same for a seed, and an interruption costs nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hubtools.core.cancel import CancelledError
from hubtools.core.errors import ModelError, OutputError
from hubtools.core.events import Event, Progress, Reporter
from hubtools.training import trainer
from hubtools.training.base import Base
from hubtools.training.data import Batch, count_tokens
from hubtools.training.evaluate import evaluate
from hubtools.training.optim import Optimizer
from hubtools.training.recipe import Recipe
from hubtools.training.trainer import Gradients, Trainer
from tests.training.makers import posts
from tests.training.runs import Recorder, interrupt, run, start, weights_of


def test_a_model_learns_what_it_is_shown(recipe: Recipe, tmp_path: Path) -> None:
    longer = replace(recipe, epochs=6)
    untrained, _ = start(longer)
    trained, result = run(longer, tmp_path / "c")
    test = posts(100)[80:]
    assert evaluate(trained, test).loss < 0.75 * evaluate(untrained, test).loss
    assert list(result.train_losses) == sorted(result.train_losses, reverse=True)
    assert len(result.train_losses) == 6


def test_the_same_seed_gives_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    first, one = run(recipe, tmp_path / "a")
    second, two = run(recipe, tmp_path / "b")
    other, _ = run(recipe, tmp_path / "c", seed=2)
    assert weights_of(first) == weights_of(second)
    assert one == two
    assert weights_of(first) != weights_of(other)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(recipe: Recipe, tmp_path: Path) -> None:
    whole, expected = run(recipe, tmp_path / "whole")
    per_epoch = expected.steps // recipe.epochs
    for at in (1, 5, per_epoch, per_epoch + 1, expected.steps):
        interrupt(recipe, tmp_path / "c", at)
        resumed, result = run(recipe, tmp_path / "c")
        assert weights_of(resumed) == weights_of(whole)
        assert result == expected
        (tmp_path / "c").unlink()


def test_a_run_that_is_interrupted_again_and_again(recipe: Recipe, tmp_path: Path) -> None:
    whole, expected = run(recipe, tmp_path / "whole")
    for at in (3, 4, 9):
        interrupt(recipe, tmp_path / "c", at)
    resumed, result = run(recipe, tmp_path / "c")
    assert (weights_of(resumed), result) == (weights_of(whole), expected)


def test_the_moving_average_is_what_is_kept(recipe: Recipe, tmp_path: Path) -> None:
    averaging = replace(recipe, ema_decay=0.8)
    last, _ = run(recipe, tmp_path / "last")
    base, data = start(averaging)
    seen: list[torch.Tensor] = []
    name = next(name for name, _ in base.model.named_parameters())

    def watch(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append(base.model.get_parameter(name).detach().clone())

    reporter = Reporter((watch,))
    Trainer(base, data, averaging, seed=1, checkpoint=tmp_path / "c", reporter=reporter).train()
    expected = seen[0]
    for weight in seen[1:]:
        expected = 0.8 * expected + 0.2 * weight
    torch.testing.assert_close(base.model.get_parameter(name), expected)
    assert weights_of(last)[name] == seen[-1].numpy().tobytes()


def test_an_interrupted_average_resumes(recipe: Recipe, tmp_path: Path) -> None:
    averaging = replace(recipe, ema_decay=0.8)
    whole, _ = run(averaging, tmp_path / "whole")
    interrupt(averaging, tmp_path / "c", 5)
    resumed, _ = run(averaging, tmp_path / "c")
    assert weights_of(resumed) == weights_of(whole)


def test_progress_counts_steps_and_epochs(recipe: Recipe, tmp_path: Path) -> None:
    base, data = start(recipe)
    events: list[Event] = []
    reporter = Reporter((events.append,))
    made = Trainer(base, data, recipe, seed=1, checkpoint=tmp_path / "c", reporter=reporter).train()
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in progress] == list(range(1, made.steps + 1))
    metrics = [event.metrics for event in progress if event.metrics is not None]
    assert {one.epochs for one in metrics} == {2}
    assert [metrics[0].epoch, metrics[-1].epoch] == [1, 2]
    assert metrics[-1].loss == pytest.approx(made.train_losses[-1])


def test_a_loss_that_is_not_finite_stops(recipe: Recipe, tmp_path: Path) -> None:
    wild = replace(recipe, learning_rate=1e30, max_grad_norm=1e30, warmup_ratio=0.0)
    with pytest.raises(ModelError) as caught:
        run(wild, tmp_path / "c")
    assert "learning_rate" in (caught.value.fix or "")


def test_a_checkpoint_that_cannot_be_written_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        run(recipe, tmp_path / "gone" / "c", cancel_at=1)
    assert Path(caught.value.where or "").parent == tmp_path / "gone"


def test_a_damaged_checkpoint_is_named(recipe: Recipe, tmp_path: Path) -> None:
    file = tmp_path / "c"
    interrupt(recipe, file, 3)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelError) as caught:
        run(recipe, file)
    assert (caught.value.where, caught.value.fix is None) == (str(file), False)


def test_a_cancelled_token_stops_after_one_step(recipe: Recipe, tmp_path: Path) -> None:
    base, data = start(recipe)
    recorder = Recorder()
    made = Trainer(
        base, data, recipe, seed=1, checkpoint=tmp_path / "c", reporter=Reporter((recorder,))
    )
    made._cancel.cancel()
    with pytest.raises(CancelledError):
        made.train()
    assert recorder.steps == [1]


# Gradients


def batch_of(recipe: Recipe) -> tuple[Base, Batch]:
    base, data = start(replace(recipe, dropout=0.0), train=posts(50))
    return base, data.train.rows[:7]


def learn(
    base: Base, batch: Batch, recipe: Recipe, gradients: Gradients, steps: int
) -> list[float]:
    """The losses of so many steps on one batch."""
    optimizer, losses = Optimizer(base.model, recipe), []
    for _ in range(steps):
        losses.append(gradients(batch))
        optimizer.step(1e-3)
    return losses


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device whose memory holds two rows."""
    token_losses = trainer.token_losses

    def limited(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return token_losses(model, inputs, labels)

    monkeypatch.setattr(trainer, "token_losses", limited)


def test_a_batch_that_is_too_large_is_split_and_learned_the_same(
    recipe: Recipe, small_device: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, batch = batch_of(recipe)
    recorder = Recorder()
    gradients = Gradients(split, recipe, Reporter((recorder,)))
    losses = learn(split, batch, recipe, gradients, 3)
    assert gradients.accumulation == 4
    assert [warning.code for warning in recorder.warnings] == ["out_of_memory"] * 2
    monkeypatch.undo()
    whole, _ = batch_of(recipe)
    expected = learn(whole, batch, recipe, Gradients(whole, recipe, Reporter()), 3)
    assert losses == pytest.approx(expected, rel=1e-5)
    for name, weight in split.model.state_dict().items():
        torch.testing.assert_close(weight, whole.model.state_dict()[name], rtol=1e-3, atol=1e-5)


def test_a_row_that_is_too_large_names_a_fix(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer, "token_losses", full)
    base, batch = batch_of(recipe)
    with pytest.raises(ModelError) as caught:
        Gradients(base, recipe, Reporter())(batch)
    assert caught.value.fix is not None


def test_bf16_learns_as_fp32_does(recipe: Recipe) -> None:
    losses = {}
    for kind in ("fp32", "bf16"):
        base, batch = batch_of(recipe)
        gradients = Gradients(base, replace(recipe, precision=kind), Reporter())
        optimizer, losses[kind] = Optimizer(base.model, recipe), []
        for _ in range(10):
            losses[kind].append(gradients(batch))
            optimizer.step(3e-3)
        assert {p.dtype for p in base.model.parameters()} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"][-1] == pytest.approx(losses["fp32"][-1], rel=0.02)
    assert losses["bf16"][-1] < 0.9 * losses["bf16"][0]


def test_the_loss_is_the_mean_over_tokens(recipe: Recipe) -> None:
    base, batch = batch_of(recipe)
    base.model.eval()
    alone = Gradients(base, recipe, Reporter())
    losses = [alone((row,)) * count_tokens((row,)) for row in batch]
    assert alone(batch) == pytest.approx(sum(losses) / count_tokens(batch), rel=1e-5)
