"""A training in progress: which batch is next, and what came of those before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hubtools.core.errors import ModelError
from hubtools.core.events import TrainMetrics
from hubtools.training.checkpoint import Point, Progress
from hubtools.training.plan import Plan
from hubtools.training.tokens import Batch
from hubtools.training.trackers import Log

_POINTS = 4  # of the curve, in a pass


@dataclass(frozen=True, slots=True)
class Fit:
    """What a finished training says of itself."""

    steps: int
    tokens: int
    """Tokens of one pass."""
    epochs: int
    held: int | None
    """Passes after which posts kept aside were predicted best; None when none were kept aside."""
    learning_rate: float
    """The largest."""
    loss: float
    """Mean loss a token over the last pass, in nats."""
    losses: tuple[float, ...]
    """The same for every pass."""
    curve: tuple[Point, ...]
    parts: int
    """In how many a batch was cut to fit into memory."""
    device: str


@dataclass(slots=True)
class Course:
    """One way through a plan, step by step, whoever makes the updates."""

    plan: Plan
    progress: Progress
    log: Log
    held_out: Callable[[], float]
    """The loss over posts kept aside, by the weights of the moment."""
    _batches: tuple[int, Sequence[Batch]] = (-1, ())

    @property
    def finished(self) -> bool:
        return self.progress.number >= self.plan.epochs(self.progress)

    @property
    def done(self) -> int:
        """Steps made, as far as it is known how many there are."""
        return self.plan.steps - self.plan.steps_left(self.progress)

    def metrics(self, loss: float) -> TrainMetrics:
        """Where the run is; `loss` is that of the epoch so far."""
        total = self.plan.epochs(self.progress)
        epoch = min(self.progress.number + 1, total)
        return TrainMetrics(epoch, total, self.progress.step, loss)

    def begin(self) -> None:
        """Mark where the curve starts."""
        if not self.progress.curve:
            self._mark(0.0, 0.0, looking=True)

    def next(self) -> tuple[Batch, float]:
        """The batch of the next step and its learning rate; the same until its loss is recorded."""
        batches = self._of_pass()
        return batches[self.progress.index], self.plan.rate(self.progress, len(batches))

    def record(self, loss: float, tokens: int) -> float:
        """Count that step, and do what is due at the end of a pass; the loss of the pass so far.

        Raises ModelError when the loss is no number any more.
        """
        progress, batches = self.progress, self._of_pass()
        rate = self.plan.rate(progress, len(batches))
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {progress.step + 1} of {self.plan.steps}",
                fix="Try a recipe with a lower learning_rate, or another seed",
            )
        progress.record(loss, tokens)
        self.log.step(progress.step, loss, rate)
        mean = progress.mean
        if progress.index == len(batches):
            self._mark(progress.number + 1.0, rate, looking=not self.plan.falling(progress))
            progress.end_pass()
            self.plan.decide(progress)
        elif progress.index * _POINTS % len(batches) < _POINTS:
            self._mark(progress.number + progress.index / len(batches), rate, looking=False)
        return mean

    def fit(self, device: str, parts: int = 1) -> Fit:
        """What it says of itself once it is finished."""
        progress = self.progress
        return Fit(
            steps=progress.step,
            tokens=self.plan.everything.tokens,
            epochs=progress.number,
            held=progress.hold if self.plan.aside else None,
            learning_rate=self.plan.peak,
            loss=progress.losses[-1],
            losses=progress.losses,
            curve=progress.curve,
            parts=parts,
            device=device,
        )

    def _of_pass(self) -> Sequence[Batch]:
        if self._batches[0] != self.progress.number:
            self._batches = (self.progress.number, self.plan.batches(self.progress))
        return self._batches[1]

    def _mark(self, epochs: float, rate: float, *, looking: bool) -> None:
        held_out = self.held_out() if looking and self.plan.aside else None
        self.log.point(self.progress.mark(epochs, rate, held_out))
