"""Several users trained at once on one base: adapters or whole models, in one forward pass.

The rows of all users stand in one batch, as many of each, and every matrix is a batch of matrices,
one a user. Each user has the batches, the learning rates, the optimizer and the clipping that it
would have alone, so what comes of it is the same but for rounding; only the masks of dropout are
drawn in another order. A user that is through leaves the batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import ModelError, UsageError
from hubtools.core.events import Reporter
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.checkpoint import Progress
from hubtools.training.compiled import IGNORED, Shapes, compiled, filled
from hubtools.training.course import Course, Fit
from hubtools.training.evaluate import mean_loss
from hubtools.training.lanes import Seats, Weights, adapter_forwards, model_forwards
from hubtools.training.lora import adapter_weights, add_adapter, remove_adapter
from hubtools.training.plan import Plan
from hubtools.training.recipe import Recipe
from hubtools.training.step import adamw, autocast, padded, precision
from hubtools.training.tokens import Batch, TokenBlocks
from hubtools.training.trackers import Log

if TYPE_CHECKING:
    import torch

_FILLED = 1.2  # times the work that the batches would be alone


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One of those who are trained together."""

    blocks: TokenBlocks
    aside: TokenBlocks | None
    seed: int
    report: Reporter
    log: Log


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of one user."""

    fit: Fit
    weights: Mapping[str, torch.Tensor]
    """A and B of every matrix by peft's names, or all of the model's by its own."""
    seconds: float
    """Its share of the time that the group took."""


def can_stack(recipe: Recipe) -> bool:
    """Whether users of this recipe can be trained together: its posts are rows of their own."""
    return recipe.packing is None


class Stack:
    """Room for `size` users on one base; made once, used for group after group.

    The users' weights stay where they are from group to group, so `backend`, a compiler of
    PyTorch, compiles once for each of a handful of shapes ("inductor" on a GPU as CUDA graphs).
    Raises UsageError for a recipe that cannot be stacked, ModelError for a base with layers that
    are not known here.
    """

    def __init__(self, base: Base, recipe: Recipe, size: int, backend: str | None = None) -> None:
        if not can_stack(recipe):
            raise UsageError(
                f"the recipe {recipe.name!r} cannot train several users at once",
                fix="Take one without [stream]",
            )
        self._base, self._recipe = base, recipe
        self._precision = precision(recipe, base.device)
        self._shapes = Shapes(recipe.tokens_per_step, base.context)
        self._seats = Seats()
        self._forwards = (
            model_forwards(base.model, self._seats)
            if recipe.lora is None
            else adapter_forwards(base.model, recipe.lora, self._seats)
        )
        self._lanes = [_lane(self._beginning(0)) for _ in range(size)]
        self._compiled: Any = None
        if backend:
            _standing(self._lanes)
            self._compiled = compiled(self._sums, backend, base.device)

    def fits(self, recipe: Recipe, users: int) -> bool:
        """Whether so many users of that recipe can be trained here."""
        return self._recipe == recipe and users <= len(self._lanes)

    def fit(self, users: Sequence[User]) -> tuple[Learned | ModelError, ...]:
        """Train these users, at most as many as there is room for; the base is left as it was.

        A user whose loss is no number any more gets an error, and the others go on.
        """
        if len(users) > len(self._lanes):
            raise UsageError(f"there is room for {len(self._lanes)} users, not for {len(users)}")
        started = time.monotonic()
        students = [self._student(*pair) for pair in zip(users, self._lanes, strict=False)]
        self._base.model.train()
        with self._attached(), quiet_transformers(), ExitStack() as bars:
            for student in students:
                plan = student.course.plan
                student.bar = bars.enter_context(student.report.task("training", plan.steps))
                student.course.begin()
            while going := [student for student in students if student.going]:
                chosen = self._alike([student.batch for student in going])
                self._update([going[number] for number in chosen])
        self._base.model.eval()
        seconds = (time.monotonic() - started) / len(users)
        return tuple(student.learned(self._base.device, seconds) for student in students)

    def _student(self, user: User, lane: Lane) -> _Student:
        base, recipe = self._base, self._recipe
        lane.begin(self._beginning(user.seed), recipe)
        peak = recipe.peak(base.width)
        plan = Plan(user.blocks, user.aside, recipe, user.seed, peak, base.context)
        held_out = partial(self._held_out, lane, user.aside)
        return _Student(lane, Course(plan, Progress(), user.log, held_out), user.report)

    def _beginning(self, seed: int) -> Mapping[str, torch.Tensor]:
        """The weights that a user begins with alone."""
        base, adapter = self._base, self._recipe.lora
        if adapter is None:
            return {name: weight.detach() for name, weight in base.model.named_parameters()}
        add_adapter(base, adapter, seed)
        weights = dict(adapter_weights(base))
        remove_adapter(base)
        return weights

    @contextmanager
    def _attached(self) -> Iterator[None]:
        """The base with the users' weights in it."""
        self._base.model.requires_grad_(False)
        for module, forward in self._forwards:
            module.forward = forward
        try:
            yield
        finally:
            for module, _ in self._forwards:
                del module.forward
            self._seats.taken = ()
            self._base.model.requires_grad_(True)

    def _held_out(self, lane: Lane, aside: TokenBlocks | None) -> float:
        assert aside is not None
        self._seats.taken, self._seats.rows = (lane.weights,), 1
        loss = mean_loss(self._base, aside.rows)
        self._base.model.train()
        return loss

    def _alike(self, batches: Sequence[Batch]) -> list[int]:
        """Which of the users' next batches go together."""
        if self._compiled is None:
            return alike(batches)
        shapes = [self._shapes.of(_width(batch) - 1) for batch in batches]
        most = max(shapes, key=shapes.count)
        same = [number for number, shape in enumerate(shapes) if shape == most]
        return same if most else [same[number] for number in alike([batches[n] for n in same])]

    def _update(self, students: Sequence[_Student]) -> None:
        """One step of these students, each its own."""
        chosen = {id(student.lane): student.batch for student in students}
        rows, width = max(map(len, chosen.values())), max(map(_width, chosen.values())) - 1
        shape = self._shapes.of(width) if self._compiled else None
        lanes = [student.lane for student in students]
        if shape is not None:
            (rows, width), lanes = shape, self._lanes  # compiled code has a place for each
        batches = [chosen.get(id(lane), ()) for lane in lanes]
        inputs, labels = side_by_side(batches, rows, width, self._base.device)
        self._seats.taken, self._seats.rows = tuple(lane.weights for lane in lanes), rows
        with autocast(self._base.device, self._precision):
            sums = (self._compiled if shape else self._sums)(inputs, labels, len(lanes))
        tokens = [sum(len(row) - 1 for row in batch) for batch in batches]
        losses = sums / sums.new_tensor([max(1, count) for count in tokens])
        losses.sum().backward()
        found = dict(zip(map(id, lanes), zip(losses.tolist(), tokens, strict=True), strict=True))
        for student in students:
            student.step(*found[id(student.lane)], self._recipe)
        for lane in lanes:
            lane.optimizer.zero_grad(set_to_none=True)

    def _sums(self, inputs: torch.Tensor, labels: torch.Tensor, users: int) -> torch.Tensor:
        """The sum of each user's losses, in nats: [users]."""
        import torch

        model: Any = self._base.model
        logits = model(input_ids=inputs, use_cache=False).logits
        each = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(),
            labels.flatten(),
            reduction="none",
            ignore_index=IGNORED,
        )
        return each.view(users, -1).sum(1)


@dataclass(slots=True)
class Lane:
    """A user's weights, which stay where they are when the next user takes the lane."""

    weights: Weights
    optimizer: torch.optim.AdamW
    average: list[torch.Tensor] = field(default_factory=list)

    def begin(self, weights: Mapping[str, torch.Tensor], recipe: Recipe) -> None:
        """Begin anew, with these weights."""
        import torch

        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])
                weight.grad = None
        self.optimizer = adamw(self.weights.values(), recipe)
        self.average = []

    def step(self, rate: float, recipe: Recipe) -> None:
        """One update by the gradients that are there."""
        import torch
        from torch.optim.swa_utils import get_ema_multi_avg_fn

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.weights.values(), recipe.max_grad_norm)
        self.optimizer.step()
        if recipe.ema_decay:
            now = [weight.detach() for weight in self.weights.values()]
            if self.average:
                get_ema_multi_avg_fn(recipe.ema_decay)(self.average, now, 0)
            else:
                self.average = [weight.clone() for weight in now]

    def kept(self) -> dict[str, torch.Tensor]:
        """The weights that are kept, once the last update is made."""
        values = self.average or [weight.detach() for weight in self.weights.values()]
        return {name: value.clone() for name, value in zip(self.weights, values, strict=True)}


@dataclass(slots=True)
class _Student:
    """A user on a lane."""

    lane: Lane
    course: Course
    report: Reporter
    bar: Any = None
    error: ModelError | None = None

    @property
    def going(self) -> bool:
        return self.error is None and not self.course.finished

    @property
    def batch(self) -> Batch:
        return self.course.next()[0]

    def step(self, loss: float, tokens: int, recipe: Recipe) -> None:
        """Update the weights and count it."""
        self.lane.step(self.course.next()[1], recipe)
        try:
            mean = self.course.record(loss, tokens)
        except ModelError as error:
            self.error = error
        else:
            self.bar.advance(self.course.done, metrics=self.course.metrics(mean))

    def learned(self, device: str, seconds: float) -> Learned | ModelError:
        return self.error or Learned(self.course.fit(device), self.lane.kept(), seconds)


def alike(batches: Sequence[Batch]) -> list[int]:
    """Which of the users' next batches go together: as many as can be filled up for little.

    Each user's batches keep their order; whose next one is of another width waits for its turn.
    """
    order = sorted(range(len(batches)), key=lambda number: (_width(batches[number]), number))
    best: list[int] = []
    for first in range(len(order)):
        rows = tokens = 0
        for last in range(first, len(order)):
            batch = batches[order[last]]
            rows = max(rows, len(batch))
            tokens += len(batch) * _width(batch)
            if (last + 1 - first) * rows * _width(batch) > _FILLED * tokens:
                break
            if last + 1 - first > len(best):
                best = order[first : last + 1]
    return best


def side_by_side(
    batches: Sequence[Batch], rows: int, width: int, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels [batches · rows, width]; what fills a batch up counts for nothing."""
    every = [row for batch in batches for row in (*batch, *(((0,),) * (rows - len(batch))))]
    inputs, labels = padded(tuple(every), device)
    return filled(inputs, labels, (len(every), width))


def _width(batch: Batch) -> int:
    return max(map(len, batch), default=0)


def _lane(weights: Mapping[str, torch.Tensor]) -> Lane:
    import torch

    own = {name: torch.nn.Parameter(weight.clone()) for name, weight in weights.items()}
    return Lane(own, torch.optim.AdamW(own.values()))


def _standing(lanes: Sequence[Lane]) -> None:
    """Tell the compiler that these weights stay where they are, so that it need not copy them."""
    import torch

    for lane in lanes:
        for weight in lane.weights.values():
            torch._dynamo.mark_static_address(weight)
