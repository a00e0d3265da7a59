"""Where runs get their bases from: loaded for each, or kept warm between the runs of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from hubtools.core.errors import ModelError
from hubtools.training.base import Base, make_base
from hubtools.training.compiled import CompiledLoss
from hubtools.training.gathering import Gathering
from hubtools.training.lora import remove_adapter
from hubtools.training.recipe import SCRATCH, Recipe
from hubtools.training.stacked import Learned, Stack, User, can_stack

if TYPE_CHECKING:
    import torch


class Bases(Protocol):
    """Gives runs their bases, and their turns at the device."""

    def turn(self) -> AbstractContextManager[None]:
        """What a run holds while it works on the device."""

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        """As `make_base`; good for this turn."""

    def kept(self, name: str, recipe: Recipe) -> Base | None:
        """The base if it is there already; its tokenizer may be used out of turn."""

    def together(self, name: str, recipe: Recipe) -> Gathering | None:
        """Where such models are trained in groups, out of turn; None where each is alone."""


class FreshBases:
    """Loads the base of every run; nobody waits for anybody."""

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        return make_base(name, recipe, texts, seed)

    def kept(self, name: str, recipe: Recipe) -> Base | None:
        return None

    def together(self, name: str, recipe: Recipe) -> Gathering | None:
        return None


@dataclass(frozen=True, slots=True)
class _Kept:
    key: tuple[str, float | None]
    base: Base
    weights: dict[str, torch.Tensor]
    """As they were read, on the device."""


class WarmBases:
    """Keeps the last pre-trained base, and resets it from a copy of its weights for each run.

    That takes milliseconds and gives what loading it again would give. A base from scratch is made
    anew for each run. With `compiling`, a pre-trained one keeps compiled code. Threads take turns;
    up to `group` of them train in one.
    """

    def __init__(self, compiling: bool = False, group: int = 1) -> None:
        self._compiling = compiling
        self.gathering = Gathering(group, self._train)
        self._turn = threading.Lock()
        self._kept: _Kept | None = None
        self._stack: Stack | None = None
        self._mine = threading.local()

    def lap(self) -> float:
        """Seconds of this thread's turns since it was last asked; a group's count for one."""
        seconds = getattr(self._mine, "seconds", 0.0)
        self._mine.seconds = 0.0
        return round(seconds, 2)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._turn:
            started = time.monotonic()
            try:
                yield
            finally:
                before = getattr(self._mine, "seconds", 0.0)
                self._mine.seconds = before + time.monotonic() - started

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        import torch

        if name == SCRATCH:
            return make_base(name, recipe, texts, seed)
        key = (name, recipe.dropout)
        if self._kept is None or self._kept.key != key:
            self._kept = self._stack = None  # two need not fit into memory
            base = make_base(name, recipe, texts, seed)
            if self._compiling:
                base = replace(base, compiled=CompiledLoss(base.model))
            weights = {part: value.clone() for part, value in base.model.state_dict().items()}
            self._kept = _Kept(key, base, weights)
            return base
        torch.manual_seed(seed)
        remove_adapter(self._kept.base)
        model: Any = self._kept.base.model
        model.to(next(iter(self._kept.weights.values())).device)
        model.load_state_dict(self._kept.weights)
        model.zero_grad(set_to_none=True)
        return self._kept.base

    def kept(self, name: str, recipe: Recipe) -> Base | None:
        kept = self._kept
        return kept.base if kept is not None and kept.key == (name, recipe.dropout) else None

    def together(self, name: str, recipe: Recipe) -> Gathering | None:
        several = self.gathering.size > 1 and name != SCRATCH and can_stack(recipe)
        return self.gathering if several else None

    def _train(
        self, name: str, recipe: Recipe, users: Sequence[User]
    ) -> Sequence[Learned | ModelError]:
        """Train a group in one turn; halves of it where it does not fit into memory."""
        import torch

        with self.turn():
            base = self.fresh(name, recipe, (), users[0].seed)
            try:
                if self._stack is None or not self._stack.fits(recipe, len(users)):
                    self._stack = None
                    backend = "inductor" if self._compiling else None
                    self._stack = Stack(base, recipe, self.gathering.size, backend)
                return self._stack.fit(users)
            except torch.OutOfMemoryError as error:
                self._stack = None
                torch.cuda.empty_cache()
                if len(users) == 1:
                    raise ModelError(
                        "a model does not fit into memory", fix="Leave --together out"
                    ) from error
                room = self.gathering.size = -(-len(users) // 2)
                users[0].report.note(f"Out of memory: from here on {room} users train at once")
        return [
            learned
            for first in range(0, len(users), room)
            for learned in self._train(name, recipe, users[first : first + room])
        ]
