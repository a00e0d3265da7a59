"""Several models of one base trained together: one forward and backward pass for all.

Each model is trained by a thread of its own, by the same loop as alone; only the gradients are
computed together, with torch.func, once all who train wait for theirs. So what comes of a model is
the same but for rounding (dropout draws other masks), models may begin and end at any time, and
checkpoints and early stopping work as they do alone.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.func import functional_call, grad_and_value, vmap

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.training.base import Base
from hubtools.training.data import IGNORE_INDEX, Batch, count_tokens, pad_batch, pad_to
from hubtools.training.optim import autocast
from hubtools.training.recipe import Recipe
from hubtools.training.trainer import Gradients

# On a CPU vmap computes attention model by model, which is all that its warning is about.
warnings.filterwarnings("ignore", message="There is a performance drop because")
_MAX_PADDING = 1.2  # times the work that the batches would be alone
_POLL = 0.5  # seconds between two looks at whether to cancel


class ModelGroup:
    """Up to `size` models of one base and recipe that are being trained at the same time."""

    def __init__(self, size: int, turn: Callable[[], AbstractContextManager[None]]) -> None:
        """`turn` gives a step the device for itself."""
        self._turn = turn
        self._seats = threading.Semaphore(size)
        self._changed = threading.Condition()
        self._members = 0
        self._waiting: list[_Request] = []
        self._stepping = False
        self._together = size
        """Models in a pass; fewer than `size` once memory ran out."""

    @contextmanager
    def member(self, cancel: CancelToken) -> Iterator[None]:
        """Take part; waits while the group is full. Raises CancelledError once `cancel` is set."""
        while not self._seats.acquire(timeout=_POLL):
            cancel.raise_if_cancelled()
        self._change_members(1)
        try:
            yield
        finally:
            self._change_members(-1)
            self._seats.release()

    def compute(self, gradients: GroupGradients, batch: Batch) -> float:
        """Wait for the other members' batches, then compute or let compute; the batch's loss."""
        request = _Request(gradients, batch)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
            while request.outcome is None:
                if self._stepping or len(self._waiting) < self._members:
                    self._changed.wait()
                else:
                    self._lead()
        if isinstance(request.outcome, BaseException):
            raise request.outcome
        return request.outcome

    def _lead(self) -> None:
        """Compute the gradients of batches that fit together; the others wait for the next pass."""
        chosen = [self._waiting[n] for n in similar([one.batch for one in self._waiting])]
        chosen = chosen[: self._together]
        self._waiting = [one for one in self._waiting if one not in chosen]
        self._stepping = True
        self._changed.release()
        outcomes: Sequence[float | BaseException]
        try:
            with self._turn():
                outcomes = self._compute(chosen)
        except BaseException as error:  # noqa: BLE001 - it is raised in the threads of all
            outcomes = [error] * len(chosen)
        finally:
            self._changed.acquire()
        for request, outcome in zip(chosen, outcomes, strict=True):
            request.outcome = outcome
        self._stepping = False
        self._changed.notify_all()

    def _compute(self, chosen: Sequence[_Request]) -> list[float]:
        if len(chosen) == 1:
            return [chosen[0].gradients.alone(chosen[0].batch)]
        try:
            return stacked_gradients([(one.gradients, one.batch) for one in chosen])
        except torch.OutOfMemoryError:
            half = self._together = -(-len(chosen) // 2)
            torch.cuda.empty_cache()
            chosen[0].gradients.reporter.warn(
                "out_of_memory", f"Out of memory: at most {half} models now train together."
            )
        return [*self._compute(chosen[:half]), *self._compute(chosen[half:])]

    def _change_members(self, change: int) -> None:
        with self._changed:
            self._members += change
            self._changed.notify_all()


@dataclass(slots=True, eq=False)
class _Request:
    gradients: GroupGradients
    batch: Batch
    outcome: float | BaseException | None = None


class GroupGradients(Gradients):
    """The gradients of one model, computed together with those of its group."""

    def __init__(self, group: ModelGroup, base: Base, recipe: Recipe, reporter: Reporter) -> None:
        super().__init__(base, recipe, reporter)
        self._group = group

    def __call__(self, batch: Batch) -> float:
        return self._group.compute(self, batch)

    def alone(self, batch: Batch) -> float:
        """Compute them without the group."""
        return super().__call__(batch)


def stacked_gradients(members: Sequence[tuple[GroupGradients, Batch]]) -> list[float]:
    """Fill the gradients of several models of one shape, and return their batches' mean losses."""
    first = members[0][0]
    model, device = first.base.model, first.base.device
    trained = [
        {name: p for name, p in one.base.model.named_parameters() if p.requires_grad}
        for one, _ in members
    ]
    weights = {name: torch.stack([own[name].detach() for own in trained]) for name in trained[0]}
    inputs, labels = side_by_side([batch for _, batch in members], device)
    tokens = torch.tensor([count_tokens(batch) for _, batch in members], device=device)

    def mean_loss(own: Any, inputs: torch.Tensor, labels: torch.Tensor, tokens: Any) -> Any:
        given = {"input_ids": inputs, "use_cache": False}
        logits = functional_call(model, own, (), given).logits.flatten(0, 1).float()
        summed = torch.nn.functional.cross_entropy(
            logits, labels.flatten(), reduction="sum", ignore_index=IGNORE_INDEX
        )
        return summed / tokens

    with autocast(device, first.precision):
        each = vmap(grad_and_value(mean_loss), randomness="different")
        gradients, losses = each(weights, inputs, labels, tokens)
    for number, own in enumerate(trained):
        for name, parameter in own.items():
            # Fused AdamW reads weight and gradient in one order, which vmap does not keep.
            parameter.grad = gradients[name][number].contiguous()
    found: list[float] = losses.tolist()
    return found


def similar(batches: Sequence[Batch]) -> list[int]:
    """Indices of the batches that go together: as many as can be padded for little."""
    order = sorted(range(len(batches)), key=lambda number: (_width(batches[number]), number))
    best: list[int] = []
    for first in range(len(order)):
        rows = tokens = 0
        for last in range(first, len(order)):
            batch = batches[order[last]]
            rows = max(rows, len(batch))
            tokens += len(batch) * _width(batch)
            if (last + 1 - first) * rows * _width(batch) > _MAX_PADDING * tokens:
                break
            if last + 1 - first > len(best):
                best = order[first : last + 1]
    return best


def side_by_side(batches: Sequence[Batch], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels of all batches, padded to one shape: [batches, rows, width]."""
    shape = max(map(len, batches)), max(map(_width, batches)) - 1
    pairs = [pad_to(*pad_batch(batch, device), shape) for batch in batches]
    inputs, labels = zip(*pairs, strict=True)
    return torch.stack(inputs), torch.stack(labels)


def _width(batch: Batch) -> int:
    return max(map(len, batch))
