"""One update of a model's weights, and the loss that it lowers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.training.base import Base
from hubtools.training.compiled import IGNORED, Shapes, filled
from hubtools.training.recipe import Recipe
from hubtools.training.tokens import Batch

if TYPE_CHECKING:
    import torch
    from torch.optim.swa_utils import AveragedModel


class Stepper:
    """Updates `base.model` in place with AdamW, batch by batch.

    A batch that does not fit into the device's memory is cut in halves until it does, and so are
    all that follow. The gradients are added up, so an update is the same but for rounding.
    """

    def __init__(self, base: Base, recipe: Recipe, report: Reporter) -> None:
        self.base = base
        self.optimizer = adamw(base.model.parameters(), recipe)
        self.average = _average(base.model, recipe)
        self.parts = 1
        self._clip = recipe.max_grad_norm
        # An adapter is put into the model anew for every run, which compiled code does not know.
        self._compiled = None if recipe.lora else base.compiled
        self._shapes = Shapes(recipe.tokens_per_step, base.context)
        self._precision = precision(recipe, base.device)
        self._report = report

    def update(self, batch: Batch, rate: float) -> tuple[float, int]:
        """The mean loss of the batch before the update, and how many tokens it is the mean of.

        Raises ModelError when a single row does not fit into memory.
        """
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        while True:
            try:
                loss, tokens = self._gradients(batch)
                break
            except torch.OutOfMemoryError as error:
                self._halve(batch, error)
        torch.nn.utils.clip_grad_norm_(self.base.model.parameters(), self._clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.base.model)
        return loss, tokens

    def finish(self) -> None:
        """Leave `base.model` with the weights that are kept, once the last update is made."""
        if self.average is not None:
            self.base.model.load_state_dict(self.average.module.state_dict())
        self.base.model.eval()

    def _gradients(self, batch: Batch) -> tuple[float, int]:
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        tokens = sum(len(row) - 1 for row in batch)
        size = -(-len(batch) // self.parts)
        losses = []
        for first in range(0, len(batch), size):
            inputs, labels = padded(batch[first : first + size], self.base.device)
            with autocast(self.base.device, self._precision):
                loss = self._loss(inputs, labels) / tokens
            loss.backward()
            losses.append(loss.detach())
        return float(torch.stack(losses).sum()), tokens

    def _loss(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        shape = self._shapes.of(inputs.shape[1])
        if self._compiled is None or shape is None:
            return loss_of(self.base.model, inputs, labels).sum()
        return self._compiled(*filled(inputs, labels, shape))

    def _halve(self, batch: Batch, error: Exception) -> None:
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        if self.parts >= len(batch):
            raise ModelError(
                f"a row of {max(map(len, batch))} tokens does not fit into memory",
                fix="Choose a smaller base, or a recipe with a smaller [stream] block",
            ) from error
        self.parts *= 2
        self._compiled = None  # its gradients cannot be added up
        torch.cuda.empty_cache()
        self._report.note(
            f"Out of memory: from here on a batch is worked on in {self.parts} parts, one by one"
        )


def adamw(parameters: Iterable[torch.nn.Parameter], recipe: Recipe) -> torch.optim.AdamW:
    """The optimizer of these parameters; only matrices decay."""
    import torch

    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def _average(model: Any, recipe: Recipe) -> AveragedModel | None:
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    if not recipe.ema_decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay))


def padded(batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels [rows, longest row - 1]; what fills a row up is left out of the loss.

    Filling stands at the end, where a causal model never looks back from, so no mask is needed.
    """
    import torch

    width = max(map(len, batch))
    rows = torch.tensor([row + (row[0],) * (width - len(row)) for row in batch])
    lengths = torch.tensor([len(row) for row in batch])
    labels = rows[:, 1:].clone()
    labels[torch.arange(1, width) >= lengths[:, None]] = IGNORED
    return rows[:, :-1].to(device, non_blocking=True), labels.to(device, non_blocking=True)


def loss_of(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of every token that counts, in nats, [tokens]."""
    import torch

    logits = model(input_ids=inputs, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), reduction="none", ignore_index=IGNORED
    )
    return losses[labels.flatten() != IGNORED]


def precision(recipe: Recipe, device: str) -> str:
    """`fp32` or `bf16`: what the recipe says; where it leaves it open, what the device is made for.

    On a CPU that is fp32, which gives the same bytes every time.
    """
    if recipe.precision != "auto":
        return recipe.precision
    return "bf16" if device == "cuda" else "fp32"


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Arithmetic in that precision; the weights stay fp32."""
    import torch

    if precision == "bf16":
        return torch.autocast(device, dtype=torch.bfloat16)
    return nullcontext()
