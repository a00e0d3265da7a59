"""A model's loss as compiled code, for batches that are filled up to a handful of shapes.

Compiling takes up to a minute a shape, so it pays where one process trains many models. The code
is made once for each shape and kept with the model, whose weights change in place from one user to
the next. On a GPU it runs as CUDA graphs, which spares the dispatch of every kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_WIDTHS = (32, 64, 96, 128, 192, 256, 512)  # with the longest: as many as Dynamo keeps code for
IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that batches of so many tokens are filled up to."""

    tokens_per_step: int
    longest: int
    """Tokens that the model reads at once."""

    def of(self, width: int) -> tuple[int, int]:
        """Rows and width that hold every batch whose longest row has `width` inputs.

        Such a batch has at most tokens_per_step / (width + 1) rows.
        """
        narrower = [known for known in _WIDTHS if known < width]
        below = narrower[-1] if narrower else 0
        wide = min([known for known in _WIDTHS if known >= width], default=self.longest)
        return max(1, self.tokens_per_step // (below + 2)), min(wide, self.longest)

    def fill(self, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch [rows, width] with inputs and labels added that count for nothing."""
        import torch

        rows, width = self.of(inputs.shape[1])
        added = (0, width - inputs.shape[1], 0, max(0, rows - inputs.shape[0]))
        pad = torch.nn.functional.pad
        return pad(inputs, added), pad(labels, added, value=IGNORED)


class CompiledLoss:
    """The sum of the losses of a batch under `model`, in nats."""

    def __init__(self, model: Any, backend: str = "inductor") -> None:
        import torch

        def loss(inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            logits = model(input_ids=inputs, use_cache=False).logits
            return torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(),
                labels.flatten(),
                reduction="sum",
                ignore_index=IGNORED,
            )

        self._graphs = model.device.type == "cuda"
        mode = "reduce-overhead" if self._graphs else None
        self._loss: Any = torch.compile(loss, dynamic=False, backend=backend, mode=mode)

    def __call__(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        import torch

        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()
        found: torch.Tensor = self._loss(inputs, labels)
        return found
