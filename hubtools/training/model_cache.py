"""Where runs get their bases from, and who trains when, in a process that makes many models."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from hubtools.training.base import Base, make_base
from hubtools.training.compile import CompiledLoss
from hubtools.training.lora import remove_adapter
from hubtools.training.multi_model import ModelGroup
from hubtools.training.recipe import SCRATCH, Recipe

Key = tuple[str, float | None]


@dataclass(frozen=True, slots=True)
class _Cached:
    key: Key
    base: Base
    weights: dict[str, torch.Tensor]
    """As they were read, on the device."""


class ModelCache:
    """Keeps the last pre-trained base, and resets it from a copy of its weights for each run.

    That takes milliseconds and gives what loading it again would give. A base from scratch is made
    for each run. Threads take turns at the device; `models_per_batch` of them may train together.
    With `compiling`, a cached base keeps compiled code. Capacity 0 caches nothing.
    """

    def __init__(
        self, capacity: int = 1, *, compiling: bool = False, models_per_batch: int = 1
    ) -> None:
        self._capacity, self._compiling, self._per_batch = capacity, compiling, models_per_batch
        self._turn = threading.Lock()
        self._cached: _Cached | None = None
        self._groups: dict[tuple[str, Recipe], ModelGroup] = {}
        self._thread = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the device: nobody else trains or loads a base meanwhile."""
        with self._turn:
            started = time.monotonic()
            try:
                yield
            finally:
                before = getattr(self._thread, "seconds", 0.0)
                self._thread.seconds = before + time.monotonic() - started

    def pop_device_seconds(self) -> float:
        """Seconds of this thread's turns since the last call; shared steps count for one thread."""
        seconds = getattr(self._thread, "seconds", 0.0)
        self._thread.seconds = 0.0
        return round(seconds, 2)

    def load(self, name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
        """As `make_base`; valid for this turn."""
        if name == SCRATCH or not self._capacity:
            return make_base(name, recipe, texts, seed)
        key = (name, recipe.dropout)
        if self._cached is None or self._cached.key != key:
            self._cached = None  # two need not fit into memory
            base = make_base(name, recipe, texts, seed)
            if self._compiling:
                base = replace(base, compiled=CompiledLoss(base.model))
            weights = {part: value.clone() for part, value in base.model.state_dict().items()}
            self._cached = _Cached(key, base, weights)
            return base
        torch.manual_seed(seed)
        model: Any = self._cached.base.model
        remove_adapter(model)
        model.to(next(iter(self._cached.weights.values())).device)
        model.load_state_dict(self._cached.weights)
        model.zero_grad(set_to_none=True)
        return self._cached.base

    def load_copy(self, name: str, recipe: Recipe, seed: int) -> Base:
        """A cached base of one's own, valid beyond this turn.

        Where a LoRA adapter will be trained, its frozen weights are shared with the cache.
        """
        base = self.load(name, recipe, (), seed)
        shared: dict[int, Any] = {}
        if recipe.lora is not None and self._cached is not None:
            for part, parameter in base.model.named_parameters():
                weight = self._cached.weights[part]
                shared[id(parameter)] = torch.nn.Parameter(weight, requires_grad=False)
        return replace(base, model=copy.deepcopy(base.model, shared), compiled=None)

    def peek(self, name: str, recipe: Recipe) -> Base | None:
        """The base if it is cached; only its tokenizer may be used out of turn."""
        cached = self._cached
        return cached.base if cached is not None and cached.key == (name, recipe.dropout) else None

    def group(self, name: str, recipe: Recipe) -> ModelGroup | None:
        """Where such models train together, out of turn; None where each trains alone."""
        if self._per_batch == 1 or name == SCRATCH or not self._capacity:
            return None
        group = ModelGroup(self._per_batch, self.turn)
        return self._groups.setdefault((name, recipe), group)
