"""The training loop: plain PyTorch, made to be read in one sitting.

Every step depends only on the seed and on what came before it, so a run that was interrupted and
resumed gives the same weights as one that was not (on a CPU, byte for byte).
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hubtools.core.events import Reporter
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.checkpoint import load_checkpoint, save_checkpoint
from hubtools.training.course import Course, Fit
from hubtools.training.evaluate import mean_loss
from hubtools.training.plan import Plan
from hubtools.training.recipe import Recipe
from hubtools.training.step import Stepper
from hubtools.training.tokens import TokenBlocks
from hubtools.training.trackers import Log, NoLog

_CHECKPOINT_EVERY = 30.0  # seconds; a kill loses at most these


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
    course = Course(plan, progress, log or NoLog(), partial(_held_out, base, aside))
    saved = time.monotonic()
    with report.task("training", plan.steps) as bar, _ctrl_c() as stop, quiet_transformers():
        base.model.train()
        course.begin()
        while not course.finished:
            loss = course.record(*stepper.update(*course.next()))
            bar.advance(course.done, metrics=course.metrics(loss))
            if stop.is_set() or time.monotonic() - saved > _CHECKPOINT_EVERY:
                save_checkpoint(checkpoint, progress, stepper)
                saved = time.monotonic()
            if stop.is_set():
                raise KeyboardInterrupt
    stepper.finish()
    return course.fit(base.device, stepper.parts)


def _held_out(base: Base, aside: TokenBlocks | None) -> float:
    loss = mean_loss(base, aside.rows) if aside else math.nan
    base.model.train()
    return loss


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
