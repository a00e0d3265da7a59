"""How far a training run is, and the file from which it resumes after an interruption."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from hubtools.core.errors import ModelError
from hubtools.core.files import writing
from hubtools.training.optim import Optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One point of the training curves; losses in nats/token."""

    epoch: float
    """Epochs so far."""
    step: int
    learning_rate: float
    """Of the last step."""
    train_loss: float | None
    """Mean since the previous point; None before the first step."""
    val_loss: float | None = None
    """None where the model was not validated."""


@dataclass(slots=True)
class RunningMean:
    """A mean loss over tokens."""

    nats: float = 0.0
    tokens: int = 0

    @property
    def value(self) -> float:
        return self.nats / max(1, self.tokens)

    def add(self, loss: float, tokens: int) -> None:
        """Count a batch by its mean loss."""
        self.nats += loss * tokens
        self.tokens += tokens


@dataclass(slots=True)
class TrainState:
    """How far a training run is."""

    step: int = 0
    epoch: int = 0
    """In progress, from 0."""
    batch: int = 0
    """The next one of that epoch."""
    stable_epochs: int | None = None
    """Epochs before the learning rate decays, once early stopping has decided."""
    learning_rate: float = 0.0
    """Of the last step."""
    since_point: RunningMean = field(default_factory=RunningMean)
    in_epoch: RunningMean = field(default_factory=RunningMean)
    train_losses: list[float] = field(default_factory=list)
    """Mean of each finished epoch."""
    history: list[HistoryPoint] = field(default_factory=list)

    @property
    def decaying(self) -> bool:
        """Whether early stopping has ended the epochs at a constant learning rate."""
        return self.stable_epochs is not None

    @property
    def val_losses(self) -> list[float]:
        """Before the first epoch, and after each that was validated."""
        return [point.val_loss for point in self.history if point.val_loss is not None]

    def count_step(self, learning_rate: float, loss: float, tokens: int) -> None:
        """Count one optimizer step, by the mean loss over its tokens."""
        self.learning_rate = learning_rate
        self.since_point.add(loss, tokens)
        self.in_epoch.add(loss, tokens)
        self.step += 1
        self.batch += 1

    def add_point(self, epoch: float, val_loss: float | None = None) -> None:
        """Extend the history."""
        mean = self.since_point
        point = HistoryPoint(
            epoch=round(epoch, 3),
            step=self.step,
            learning_rate=self.learning_rate,
            train_loss=round(mean.value, 4) if mean.tokens else None,
            val_loss=None if val_loss is None else round(val_loss, 4),
        )
        self.history.append(point)
        self.since_point = RunningMean()

    def end_epoch(self) -> None:
        """Move on to the next epoch."""
        self.train_losses.append(self.in_epoch.value)
        self.in_epoch = RunningMean()
        self.epoch += 1
        self.batch = 0


def trained_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that are trained, by name: with LoRA, the adapter's."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def save_checkpoint(
    file: Path, state: TrainState, model: torch.nn.Module, optimizer: Optimizer, accumulation: int
) -> None:
    """Replace `file` in one step; a kill at any moment leaves the last checkpoint.

    Raises OutputError when it cannot be written.
    """
    temporary = file.with_suffix(".tmp")
    document = {
        "state": asdict(state),
        "weights": trained_weights(model),
        "optimizer": optimizer.state_dict(),
        "grad_accumulation": accumulation,
        "rng": torch.get_rng_state(),
    }
    with writing(file):
        try:
            with temporary.open("wb") as opened:
                torch.save(document, opened)
                opened.flush()
                os.fsync(opened.fileno())
        except RuntimeError as error:  # how torch's zip writer reports a full disk
            reason = "no space left, or the file is too large"
            raise OSError(None, reason, str(file)) from error
        temporary.replace(file)


def load_checkpoint(
    file: Path, model: torch.nn.Module, optimizer: Optimizer
) -> tuple[TrainState, int]:
    """Restore model, optimizer and random numbers; the state and the gradient accumulation steps.

    A new state where there is no file. Raises ModelError for a damaged one.
    """
    if not file.is_file():
        return TrainState(), 1
    try:
        document: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu")
        for name, weight in trained_weights(model).items():
            weight.copy_(document["weights"][name])
        optimizer.load_state_dict(document["optimizer"])
        state = document["state"]
        torch.set_rng_state(document["rng"])
        return TrainState(
            **{
                **state,
                "since_point": RunningMean(**state["since_point"]),
                "in_epoch": RunningMean(**state["in_epoch"]),
                "history": [HistoryPoint(**point) for point in state["history"]],
            }
        ), document["grad_accumulation"]
    except (RuntimeError, KeyError, EOFError, ValueError) as error:
        raise ModelError(
            "the checkpoint is damaged", where=file, fix="Delete it and run again"
        ) from error
