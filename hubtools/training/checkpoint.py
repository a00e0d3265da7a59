"""How far a training is, and the file that lets it go on after any interruption."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubtools.core.errors import ModelError
from hubtools.core.files import writing
from hubtools.training.step import Stepper


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of the curve of a training."""

    epoch: float
    """Over the posts, so far."""
    step: int
    learning_rate: float
    """Of the last step."""
    train_loss: float | None
    """Mean training loss a token in nats since the point before; None before the first step."""
    val_loss: float | None = None
    """The same over the posts that were kept aside to choose the passes; None when not looked."""


@dataclass(slots=True)
class Progress:
    """How far the run is; sums are since the last point of the curve, and of the pass."""

    step: int = 0
    number: int = 0
    """Of the pass in progress, from 0."""
    index: int = 0
    """Of the next batch in it."""
    hold: int | None = None
    """Passes before the learning rate falls, once that is decided."""
    point: tuple[float, int] = (0.0, 0)
    """Loss times tokens, and tokens."""
    sums: tuple[float, int] = (0.0, 0)
    losses: tuple[float, ...] = ()
    """Of each finished pass, the mean a token in nats."""
    curve: tuple[Point, ...] = ()

    @property
    def mean(self) -> float:
        """Of the pass in progress."""
        return self.sums[0] / max(1, self.sums[1])

    @property
    def held_out(self) -> list[float]:
        """Loss over posts kept aside: before the first pass and after each."""
        return [point.val_loss for point in self.curve if point.val_loss is not None]

    def record(self, loss: float, tokens: int) -> None:
        """Count one step."""
        self.point = (self.point[0] + loss * tokens, self.point[1] + tokens)
        self.sums = (self.sums[0] + loss * tokens, self.sums[1] + tokens)
        self.step += 1
        self.index += 1

    def mark(self, epochs: float, rate: float, held_out: float | None = None) -> Point:
        """Add a point to the curve."""
        total, tokens = self.point
        point = Point(
            epoch=round(epochs, 3),
            step=self.step,
            learning_rate=rate,
            train_loss=round(total / tokens, 4) if tokens else None,
            val_loss=None if held_out is None else round(held_out, 4),
        )
        self.curve = (*self.curve, point)
        self.point = (0.0, 0)
        return point

    def end_pass(self) -> None:
        """Go on to the next pass."""
        self.losses = (*self.losses, self.mean)
        self.sums = (0.0, 0)
        self.number += 1
        self.index = 0


def save_checkpoint(file: Path, progress: Progress, stepper: Stepper) -> None:
    """Write all that the rest of a run depends on; a kill at any moment leaves the last one.

    Raises OutputError when there is no room.
    """
    import torch

    temporary = file.with_suffix(".tmp")
    document = {
        "progress": asdict(progress),
        "parts": stepper.parts,
        "model": stepper.base.model.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    if stepper.average is not None:
        document["average"] = stepper.average.state_dict()
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


def load_checkpoint(file: Path, stepper: Stepper) -> Progress:
    """Set model and optimizer to what `file` holds; the beginning when there is none.

    Raises ModelError for a file that is damaged.
    """
    import torch

    if not file.is_file():
        return Progress()
    try:
        document: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu")
        stepper.base.model.load_state_dict(document["model"])
        stepper.optimizer.load_state_dict(document["optimizer"])
        if stepper.average is not None:
            stepper.average.load_state_dict(document["average"])
    except (RuntimeError, KeyError, EOFError, ValueError) as error:
        raise ModelError("is damaged", where=file, fix="Delete it and run again") from error
    torch.set_rng_state(document["random"])
    stepper.parts = document["parts"]
    said = document["progress"]
    return Progress(**{**said, "curve": tuple(Point(**point) for point in said["curve"])})
