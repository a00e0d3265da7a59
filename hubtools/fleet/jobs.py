"""The jobs of a fleet, and what workers report about them."""

from __future__ import annotations

from dataclasses import dataclass

from hubtools.core.events import DomainEvent
from hubtools.services.train import TrainRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    compile: bool = False
    """Whether to compile the base's loss, which pays off for many models on a GPU."""
    models_per_batch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetJob:
    name: str
    request: TrainRequest
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class JobStarted(DomainEvent):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult(DomainEvent):
    """A model was trained, or failed."""

    name: str
    error: str | None = None
    """None when it was trained."""
    exit_code: int = 0
    """Of the error, as `hubtools train` would exit with it."""
    seconds: float = 0.0
    """From reading the posts to the complete folder."""
    device_seconds: float = 0.0
    """Of these, on the device: training, predicting and evaluating."""
    posts: int | None = None
    test_loss: float | None = None
    """Mean cross-entropy on the test split, nats/token."""
    bits_per_byte: float | None = None
    base_bits_per_byte: float | None = None
    memorized_fraction: float | None = None
    affects_all: bool = False
    """Whether the next model is likely to fail in the same way: a full disk, an unreachable Hub."""
    warnings: tuple[str, ...] = ()


JobEvent = JobStarted | JobResult
