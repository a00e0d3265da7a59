"""The training loop: plain PyTorch, to be read from top to bottom.

Each step depends only on the seed and on the steps before it, so a run that was interrupted and
resumed ends with the same weights as one that was not (on a CPU, byte for byte).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import ModelError
from hubtools.core.events import SILENT, Reporter, Task, TrainMetrics
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.checkpoint import HistoryPoint, TrainState, load_checkpoint, save_checkpoint
from hubtools.training.compile import padded_shape
from hubtools.training.data import Batch, Batches, TrainData, count_tokens, pad_batch
from hubtools.training.evaluate import mean_loss, token_losses
from hubtools.training.optim import Optimizer, autocast, cosine, precision, warmup_stable_decay
from hubtools.training.recipe import Recipe
from hubtools.training.trackers import NO_TRACKER, Tracker

_CHECKPOINT_EVERY = 30.0  # seconds; a kill loses at most these
_POINTS_PER_EPOCH = 4  # of the history


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """Metrics of a finished training run; losses in nats/token."""

    steps: int
    tokens: int
    """Of one epoch."""
    epochs: int
    stable_epochs: int | None
    """Epochs before the learning rate decayed; None without early stopping."""
    best_epoch: int | None
    """The one of these with the lowest validation loss; None without early stopping."""
    val_loss: float | None
    """That loss."""
    learning_rate: float
    """The peak."""
    train_losses: tuple[float, ...]
    """Mean of each epoch."""
    history: tuple[HistoryPoint, ...]
    grad_accumulation: int
    """Steps in which the gradients of a batch were accumulated, to fit into memory."""
    device: str


class Trainer:
    """Fine-tunes `base` in place."""

    def __init__(
        self,
        base: Base,
        data: TrainData,
        recipe: Recipe,
        *,
        seed: int,
        checkpoint: Path,
        reporter: Reporter = SILENT,
        cancel: CancelToken | None = None,
        tracker: Tracker = NO_TRACKER,
        gradients: Gradients | None = None,
    ) -> None:
        """`gradients` computes them together with other models'; None computes them alone.

        Raises ModelError for a damaged checkpoint.
        """
        if gradients is None:
            torch.manual_seed(seed)
            gradients = Gradients(base, recipe, reporter)
        self._base, self._data, self._recipe = base, data, recipe
        self._checkpoint, self._cancel = checkpoint, cancel or CancelToken()
        self._reporter, self._tracker = reporter, tracker
        self._gradients = gradients
        self._batches = Batches(data, recipe, seed, base.context)
        self._optimizer = Optimizer(base.model, recipe)
        self._peak = recipe.peak_learning_rate(base.hidden_size)
        self._state, gradients.accumulation = load_checkpoint(
            checkpoint, base.model, self._optimizer
        )
        self._saved = time.monotonic()

    def train(self) -> TrainResult:
        """Train to the end, from the checkpoint where there is one.

        Raises CancelledError after the step in progress, with a checkpoint, once `cancel` is set;
        ModelError when the loss is not finite or a row does not fit into memory; OutputError when
        the checkpoint cannot be written.
        """
        state = self._state
        with self._reporter.task("train", self._batches.steps) as task, quiet_transformers():
            self._base.model.train()
            if not state.history:
                self._add_point(0.0, self._validate())
            while state.epoch < self._epochs:
                batches = self._batches.epoch(state.epoch, state.decaying)
                for batch in batches[state.batch :]:
                    self._step(batch, len(batches))
                    self._report(task)
                    self._save_checkpoint_when_due()
                    self._cancel.raise_if_cancelled()
                val_loss = None if state.decaying else self._validate()
                self._add_point(state.epoch + 1.0, val_loss)
                state.end_epoch()
                if _stable_phase_ends(self._recipe, state):
                    state.stable_epochs = state.epoch
        self._optimizer.use_average()
        self._base.model.eval()
        return self._result()

    @property
    def _epochs(self) -> int:
        """All epochs, as far as is known."""
        return self._recipe.total_epochs(self._state.stable_epochs)

    def _step(self, batch: Batch, batches: int) -> None:
        """One optimizer step, on one of `batches` of the epoch."""
        state = self._state
        rate = self._peak * _schedule(self._recipe, state, batches, self._batches.steps)
        loss = self._gradients(batch)
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {state.step + 1}",
                fix="Try a recipe with a lower learning_rate, or another seed",
            )
        self._optimizer.step(rate)
        state.count_step(rate, loss, count_tokens(batch))
        self._tracker.log({"train_loss": round(loss, 4), "learning_rate": rate}, state.step)
        if state.batch < batches and state.batch * _POINTS_PER_EPOCH % batches < _POINTS_PER_EPOCH:
            self._add_point(state.epoch + state.batch / batches)

    def _add_point(self, epoch: float, val_loss: float | None = None) -> None:
        self._state.add_point(epoch, val_loss)
        if val_loss is not None:
            metrics = {"epoch": epoch, "val_loss": round(val_loss, 4)}
            self._tracker.log(metrics, self._state.step)

    def _validate(self) -> float | None:
        """The loss on the validation split; None where there is none."""
        if self._data.validation is None:
            return None
        loss = mean_loss(self._base, self._data.validation.rows)
        self._base.model.train()
        return loss

    def _report(self, task: Task) -> None:
        state, epochs = self._state, self._epochs
        done = state.step
        if self._recipe.early_stopping is not None:
            per_epoch = self._batches.steps // self._recipe.epochs
            left = max(0, (epochs - state.epoch) * per_epoch - state.batch)
            done = self._batches.steps - left
        metrics = TrainMetrics(state.epoch + 1, epochs, state.step, state.in_epoch.value)
        task.advance(done, metrics=metrics)

    def _save_checkpoint_when_due(self) -> None:
        if self._cancel.cancelled or time.monotonic() - self._saved > _CHECKPOINT_EVERY:
            save_checkpoint(
                self._checkpoint,
                self._state,
                self._base.model,
                self._optimizer,
                self._gradients.accumulation,
            )
            self._saved = time.monotonic()

    def _result(self) -> TrainResult:
        state = self._state
        losses = state.val_losses if self._data.validation else ()
        best_epoch = losses.index(min(losses)) if losses else None
        return TrainResult(
            steps=state.step,
            tokens=self._data.all.tokens,
            epochs=state.epoch,
            stable_epochs=state.stable_epochs if losses else None,
            best_epoch=best_epoch,
            val_loss=None if best_epoch is None else losses[best_epoch],
            learning_rate=self._peak,
            train_losses=tuple(state.train_losses),
            history=tuple(state.history),
            grad_accumulation=self._gradients.accumulation,
            device=self._base.device,
        )


class Gradients:
    """Fills the gradients of a model's parameters, batch by batch.

    A batch that does not fit into the device's memory is split in halves until it does, and so are
    all that follow; their gradients are accumulated, so a step is the same but for rounding.
    """

    def __init__(self, base: Base, recipe: Recipe, reporter: Reporter) -> None:
        self.accumulation = 1
        """Gradient accumulation steps of a batch."""
        self.precision = precision(recipe, base.device)
        self.base, self.reporter = base, reporter
        self._recipe = recipe
        # An adapter is new with every run, which compiled code does not know.
        self._compiled = None if recipe.lora else base.compiled

    def __call__(self, batch: Batch) -> float:
        """Add the gradients of the batch's mean loss, and return that loss.

        Raises ModelError when a single row does not fit into memory.
        """
        while True:
            try:
                return self._accumulate(batch)
            except torch.OutOfMemoryError as error:
                self.base.model.zero_grad(set_to_none=True)
                if self.accumulation >= len(batch):
                    raise ModelError(
                        f"a row of {max(map(len, batch))} tokens does not fit into memory",
                        fix="Use a smaller base, or a recipe with a smaller block_size",
                    ) from error
                self._halve()

    def _accumulate(self, batch: Batch) -> float:
        tokens = count_tokens(batch)
        size = -(-len(batch) // self.accumulation)
        losses = []
        for first in range(0, len(batch), size):
            inputs, labels = pad_batch(batch[first : first + size], self.base.device)
            with autocast(self.base.device, self.precision):
                loss = self._summed_loss(inputs, labels) / tokens
            loss.backward()
            losses.append(loss.detach())
        return float(torch.stack(losses).sum())

    def _summed_loss(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self._compiled is not None:
            tokens, context = self._recipe.tokens_per_step, self.base.context
            shape = padded_shape(inputs.shape[1], tokens, context)
            if shape is not None:
                return self._compiled(inputs, labels, shape)
        return token_losses(self.base.model, inputs, labels).sum()

    def _halve(self) -> None:
        self.accumulation *= 2
        self._compiled = None  # its gradients cannot be accumulated
        torch.cuda.empty_cache()
        self.reporter.warn(
            "out_of_memory",
            f"Out of memory: batches now take {self.accumulation} gradient accumulation steps.",
        )


def _schedule(recipe: Recipe, state: TrainState, batches: int, steps: int) -> float:
    """Fraction of the peak learning rate for the next step, in an epoch of `batches`."""
    if recipe.early_stopping is None:
        return cosine(state.step, steps, recipe.warmup_ratio)
    decayed = 0.0
    if state.stable_epochs is not None:
        epochs = state.epoch - state.stable_epochs + state.batch / batches
        decayed = epochs / recipe.early_stopping.decay_epochs(state.stable_epochs)
    return warmup_stable_decay(state.step, steps, recipe.warmup_ratio, decayed)


def _stable_phase_ends(recipe: Recipe, state: TrainState) -> bool:
    """Whether early stopping lets the learning rate decay after the epoch that just ended.

    It does when the validation loss improved by too little, or when one more constant epoch would
    leave too few for the decay.
    """
    stopping = recipe.early_stopping
    if stopping is None or state.decaying:
        return False
    losses, following = state.val_losses, state.epoch + 1
    stalled = len(losses) > 1 and losses[-1] > (1 - stopping.min_delta) * losses[-2]
    return stalled or following + stopping.decay_epochs(following) > recipe.epochs
