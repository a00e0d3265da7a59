"""Where runs get their bases from: loaded for each, or kept warm between the runs of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from hubtools.training.adapter import remove_adapter
from hubtools.training.base import Base, make_base
from hubtools.training.compiled import CompiledLoss
from hubtools.training.recipe import SCRATCH, Recipe

if TYPE_CHECKING:
    import torch


class Bases(Protocol):
    """Gives runs their bases, and their turns at the device."""

    def turn(self) -> AbstractContextManager[None]:
        """What a run holds while it works on the device."""

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        """As `make_base`; good for this turn."""


class FreshBases:
    """Loads the base of every run; nobody waits for anybody."""

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        return make_base(name, recipe, texts, seed)


@dataclass(frozen=True, slots=True)
class _Kept:
    key: tuple[str, float | None]
    base: Base
    weights: dict[str, torch.Tensor]
    """As they were read, on the device."""


class WarmBases:
    """Keeps the last pre-trained base, and resets it from a copy of its weights for each run.

    That takes milliseconds and gives what loading it again would give. A base from scratch is made
    anew for each run. With `compiling`, a pre-trained one keeps compiled code. Threads take turns.
    """

    def __init__(self, compiling: bool = False) -> None:
        self._compiling = compiling
        self._turn = threading.Lock()
        self._kept: _Kept | None = None
        self._mine = threading.local()

    @property
    def seconds(self) -> float:
        """How long the last turn of this thread was."""
        return round(getattr(self._mine, "seconds", 0.0), 2)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._turn:
            started = time.monotonic()
            try:
                yield
            finally:
                self._mine.seconds = time.monotonic() - started

    def fresh(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        import torch

        if name == SCRATCH:
            return make_base(name, recipe, texts, seed)
        key = (name, recipe.dropout)
        if self._kept is None or self._kept.key != key:
            self._kept = None  # two need not fit into memory
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
