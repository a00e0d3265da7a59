"""Training runs of tiny models, to compare and to interrupt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.events import Event, Progress, Reporter, Warning
from hubtools.training.base import Base, make_base
from hubtools.training.data import TokenRows, TrainData, tokenize
from hubtools.training.recipe import Recipe
from hubtools.training.trainer import Trainer, TrainResult
from tests.training.makers import posts

TEXTS = posts(80)


class Recorder:
    """A listener that keeps warnings and the steps of training."""

    def __init__(self) -> None:
        self.warnings: list[Warning] = []
        self.steps: list[int] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warning):
            self.warnings.append(event)
        elif isinstance(event, Progress) and event.metrics is not None:
            self.steps.append(event.metrics.step)


class CancelAt:
    """A listener that cancels at optimizer step `step`."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.token = CancelToken()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress) and event.metrics and event.metrics.step == self.step:
            self.token.cancel()


def rows_of(base: Base, texts: Sequence[str]) -> TokenRows:
    return TokenRows((tokenize(base, texts, base.context),))


def start(
    recipe: Recipe, seed: int = 1, train: Sequence[str] = TEXTS, validation: Sequence[str] = ()
) -> tuple[Base, TrainData]:
    """A base from scratch and its data."""
    base = make_base("scratch", recipe, train, seed)
    return base, TrainData(rows_of(base, train), rows_of(base, validation) if validation else None)


def run(
    recipe: Recipe,
    checkpoint: Path,
    seed: int = 1,
    train: Sequence[str] = TEXTS,
    validation: Sequence[str] = (),
    cancel_at: int | None = None,
) -> tuple[Base, TrainResult]:
    """Train to the end, or until it is cancelled at a step."""
    base, data = start(recipe, seed, train, validation)
    cancel = CancelAt(cancel_at or -1)
    reporter = Reporter((cancel,))
    trainer = Trainer(
        base, data, recipe, seed=seed, checkpoint=checkpoint, reporter=reporter, cancel=cancel.token
    )
    return base, trainer.train()


def interrupt(recipe: Recipe, checkpoint: Path, at: int, validation: Sequence[str] = ()) -> None:
    """Cancel a run at that step, which leaves a checkpoint."""
    with pytest.raises(CancelledError):
        run(recipe, checkpoint, validation=validation, cancel_at=at)


def weights_of(base: Base) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in base.model.state_dict().items()}
