"""The training loop: plain PyTorch, made to be read in one sitting.

Every step depends only on the seed and on what came before it, so a run that was interrupted and
resumed gives the same weights as one that was not (on a CPU, byte for byte).
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubtools.errors import ModelError
from hubtools.report import Reporter
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.checkpoint import Point, Progress, load_checkpoint, save_checkpoint
from hubtools.training.evaluate import mean_loss
from hubtools.training.plan import Plan
from hubtools.training.recipe import Recipe
from hubtools.training.step import Stepper
from hubtools.training.tokens import Batch, TokenBlocks
from hubtools.training.track import Log, NoLog

_CHECKPOINT_EVERY = 30.0  # seconds; a kill loses at most these
_POINTS = 4  # of the curve, in a pass


@dataclass(frozen=True, slots=True)
class Fit:
    """What a finished training says of itself."""

    steps: int
    tokens: int
    """Tokens of one pass."""
    passes: int
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


def fit(
    base: Base,
    blocks: TokenBlocks,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    report: Reporter,
    aside: TokenBlocks | None = None,
    log: Log | None = None,
) -> Fit:
    """Train `base.model` in place; goes on from `checkpoint` where there is one.

    With `aside`, rows of the same accounts that are not in `blocks`, a recipe that chooses its
    passes chooses them by the loss on these, and trains on them too in the passes in which its
    learning rate falls. Without, all its passes are made.

    Ctrl-C ends after the step in progress with a checkpoint and a KeyboardInterrupt. Raises
    ModelError when the loss is no number any more or a row does not fit into memory, OutputError
    when a checkpoint can't be written.
    """
    import torch

    torch.manual_seed(seed)
    stepper = Stepper(base, recipe, report)
    progress = load_checkpoint(checkpoint, stepper)
    plan = Plan(blocks, aside, recipe, seed, recipe.peak(base.width), base.context)
    run = _Run(stepper, progress, plan, log or NoLog())
    saved = time.monotonic()
    with report.bar("training", plan.steps) as bar, _ctrl_c() as stop, quiet_transformers():
        run.begin()
        while not run.finished:
            loss = run.step()
            done = plan.steps - plan.steps_left(progress)
            bar.advance(done, f"{run.where}, loss {loss:.3f}")
            if stop.is_set() or time.monotonic() - saved > _CHECKPOINT_EVERY:
                save_checkpoint(checkpoint, progress, stepper)
                saved = time.monotonic()
            if stop.is_set():
                raise KeyboardInterrupt
    stepper.finish()
    return Fit(
        steps=progress.step,
        tokens=plan.everything.tokens,
        passes=progress.number,
        held=progress.hold if aside else None,
        learning_rate=plan.peak,
        loss=progress.losses[-1],
        losses=progress.losses,
        curve=progress.curve,
        parts=stepper.parts,
        device=base.device,
    )


@dataclass(slots=True)
class _Run:
    """A training in progress."""

    stepper: Stepper
    progress: Progress
    plan: Plan
    log: Log
    _batches: tuple[int, Sequence[Batch]] = (-1, ())

    @property
    def finished(self) -> bool:
        return self.progress.number >= self.plan.passes(self.progress)

    @property
    def where(self) -> str:
        """The pass in progress and how many there are, for a person."""
        total = self.plan.passes(self.progress)
        return f"pass {min(self.progress.number + 1, total)}/{total}"

    def begin(self) -> None:
        """Mark where the curve starts."""
        if not self.progress.curve:
            self._mark(0.0, 0.0, looking=True)

    def step(self) -> float:
        """Make one step, and all that is due at the end of a pass; the loss of the pass so far."""
        progress = self.progress
        if self._batches[0] != progress.number:
            self._batches = (progress.number, self.plan.batches(progress))
            self.stepper.base.model.train()
        batches = self._batches[1]
        rate = self.plan.rate(progress, len(batches))
        loss, tokens = self.stepper.update(batches[progress.index], rate)
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

    def _mark(self, passes: float, rate: float, *, looking: bool) -> None:
        base, aside = self.stepper.base, self.plan.aside
        held_out = mean_loss(base, aside.rows) if looking and aside else None
        self.log.point(self.progress.mark(passes, rate, held_out))


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; a second Ctrl-C interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def first(_signal: int, _frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
