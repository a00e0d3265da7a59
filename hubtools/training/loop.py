"""The training loop: plain PyTorch, made to be read in one sitting.

Every step depends only on the seed and the step's number, so a run that was interrupted and
resumed gives the same weights as one that was not (on a CPU, byte for byte).
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubtools.errors import ModelError
from hubtools.files import writing
from hubtools.report import Reporter
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.recipe import Recipe
from hubtools.training.tokens import Batch, TokenBlocks, batches_of_pass

if TYPE_CHECKING:
    import torch

_IGNORED = -100  # the label that PyTorch's cross-entropy leaves out
_CHECKPOINT_EVERY = 30.0  # seconds; a kill loses at most these


@dataclass(frozen=True, slots=True)
class Fit:
    """What a finished training says of itself."""

    steps: int
    tokens: int
    """Tokens of one pass."""
    loss: float
    """Mean loss a token over the last pass, in nats."""
    losses: tuple[float, ...]
    """The same for every pass."""
    device: str


def fit(
    base: Base, blocks: TokenBlocks, recipe: Recipe, seed: int, checkpoint: Path, report: Reporter
) -> Fit:
    """Train `base.model` in place; goes on from `checkpoint` where there is one, and removes it.

    Ctrl-C ends after the step in progress with a checkpoint and a KeyboardInterrupt. Raises
    ModelError when the loss is no number any more, OutputError when a checkpoint can't be written.
    """
    import torch

    model, device = base.model, base.device
    optimizer = _optimizer(model, recipe)
    size = recipe.tokens_per_step
    passes = [batches_of_pass(blocks, size, seed, number) for number in range(recipe.passes)]
    steps = sum(map(len, passes))
    torch.manual_seed(seed)
    state = _resume(checkpoint, model, optimizer)
    model.train()
    saved = time.monotonic()
    with report.bar("training", steps) as bar, _ctrl_c() as interrupted, quiet_transformers():
        for step, number, batch in _from(passes, state.step):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * schedule(step, steps, recipe.warmup)
            loss, tokens = _step(model, optimizer, batch, recipe.clip, device)
            if not math.isfinite(loss):
                raise ModelError(
                    f"the loss is {loss} at step {step + 1} of {steps}",
                    fix="Try a recipe with a lower learning_rate, or another seed",
                )
            state.record(number, loss, tokens, step + 1)
            bar.advance(step + 1, f"pass {number + 1}/{recipe.passes}, loss {state.mean:.3f}")
            late = time.monotonic() - saved > _CHECKPOINT_EVERY
            if interrupted.is_set() or (late and step + 1 < steps):
                _save(checkpoint, state, model, optimizer)
                saved = time.monotonic()
            if interrupted.is_set():
                raise KeyboardInterrupt
    model.eval()
    return Fit(steps, blocks.tokens, state.mean, state.losses, device)


def schedule(step: int, steps: int, warmup: float) -> float:
    """The share of the peak learning rate at `step`: linear up, then a cosine down to zero."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@dataclass(slots=True)
class _State:
    """How far the run is; sums are of the pass in progress."""

    step: int = 0
    number: int = 0
    loss_sum: float = 0.0
    token_sum: int = 0
    finished: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        return self.loss_sum / max(1, self.token_sum)

    @property
    def losses(self) -> tuple[float, ...]:
        return (*self.finished, self.mean)

    def record(self, number: int, loss: float, tokens: int, step: int) -> None:
        if number != self.number:
            self.finished, self.number = self.losses, number
            self.loss_sum, self.token_sum = 0.0, 0
        self.loss_sum += loss * tokens
        self.token_sum += tokens
        self.step = step


def _optimizer(model: Any, recipe: Recipe) -> torch.optim.AdamW:
    import torch

    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def _from(passes: list[tuple[Batch, ...]], done: int) -> Iterator[tuple[int, int, Batch]]:
    """Step, pass and batch, without the steps that are done."""
    numbered = ((n, batch) for n, batches in enumerate(passes) for batch in batches)
    for step, (number, batch) in enumerate(numbered):
        if step >= done:
            yield step, number, batch


def _step(
    model: Any, optimizer: torch.optim.Optimizer, batch: Batch, clip: float, device: str
) -> tuple[float, int]:
    """One update; the mean loss of the batch and how many tokens it is the mean of."""
    import torch

    inputs, labels = padded(batch, device)
    with autocast(device):
        loss = loss_of(model, inputs, labels).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item(), int((labels != _IGNORED).sum())


def padded(batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels [rows, longest row - 1]; what fills a row up is left out of the loss.

    Filling stands at the end, where a causal model never looks back from, so no mask is needed.
    """
    import torch

    width = max(map(len, batch))
    rows = torch.tensor([row + (row[0],) * (width - len(row)) for row in batch], device=device)
    lengths = torch.tensor([len(row) for row in batch], device=device)
    labels = rows[:, 1:].clone()
    labels[torch.arange(1, width, device=device) >= lengths[:, None]] = _IGNORED
    return rows[:, :-1], labels


def loss_of(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of every token that counts, in nats, [tokens]."""
    import torch

    logits = model(input_ids=inputs, use_cache=False).logits
    counted = labels != _IGNORED
    return torch.nn.functional.cross_entropy(
        logits[counted].float(), labels[counted], reduction="none"
    )


def autocast(device: str) -> AbstractContextManager[Any]:
    """bf16 arithmetic on a GPU; fp32, and so the same bytes every time, on a CPU."""
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16) if device == "cuda" else nullcontext()


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


def _save(checkpoint: Path, state: _State, model: Any, optimizer: torch.optim.Optimizer) -> None:
    import torch

    temporary = checkpoint.with_suffix(".tmp")
    document = {
        "state": (state.step, state.number, state.loss_sum, state.token_sum, state.finished),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    with writing(checkpoint):
        try:
            with temporary.open("wb") as file:
                torch.save(document, file)
                file.flush()
                os.fsync(file.fileno())
        except RuntimeError as error:  # how torch's zip writer reports a full disk
            reason = "no space left, or the file is too large"
            raise OSError(None, reason, str(checkpoint)) from error
        temporary.replace(checkpoint)


def _resume(checkpoint: Path, model: Any, optimizer: torch.optim.Optimizer) -> _State:
    import torch

    if not checkpoint.is_file():
        return _State()
    document = torch.load(checkpoint, weights_only=True, map_location="cpu")
    model.load_state_dict(document["model"])
    optimizer.load_state_dict(document["optimizer"])
    torch.set_rng_state(document["random"])
    return _State(*document["state"])
