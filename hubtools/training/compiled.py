"""A model's loss as compiled code, for batches that are filled up to a dozen shapes.

Compiling takes up to a minute a shape, so it pays where one process trains many models. The code
is made once for each shape and kept with the model, whose weights change in place from one user to
the next. On a GPU it runs as CUDA graphs, which spares the dispatch of every kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_NARROWEST = 10  # inputs of a row; there are few such batches, of very many rows
_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_KEPT = 64  # shapes that Dynamo keeps code for, of all bases that one process compiles
IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that batches of so many tokens are filled up to, each by a half at most."""

    tokens_per_step: int
    longest: int
    """Tokens that the model reads at once."""

    def of(self, width: int) -> tuple[int, int] | None:
        """Rows and width that hold every batch whose longest row has `width` inputs.

        Such a batch has at most tokens_per_step / (width + 1) rows. None where it would be
        filled up with more than it is worth.
        """
        if width <= _NARROWEST:
            return None
        below = max([known for known in _WIDTHS if known < width], default=_NARROWEST)
        wide = min([known for known in _WIDTHS if known >= width], default=self.longest)
        return max(1, self.tokens_per_step // (below + 2)), min(wide, self.longest)


def compiled(function: Any, backend: str, device: str) -> Any:
    """The function as code for each shape of its inputs; on a GPU as CUDA graphs."""
    import torch

    config: Any = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, _KEPT)
    mode = "reduce-overhead" if device == "cuda" else None
    code: Any = torch.compile(function, dynamic=False, backend=backend, mode=mode)

    def graphs(*given: Any) -> Any:
        torch.compiler.cudagraph_mark_step_begin()  # what the last step gave is not used any more
        return code(*given)

    return graphs if device == "cuda" else code


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

        self._loss: Any = compiled(loss, backend, model.device.type)

    def __call__(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self._loss(inputs, labels)
        return found


def filled(
    inputs: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch in that shape, with inputs and labels added that count for nothing."""
    import torch

    rows, width = shape
    added = (0, width - inputs.shape[1], 0, max(0, rows - inputs.shape[0]))
    pad = torch.nn.functional.pad
    return pad(inputs, added), pad(labels, added, value=IGNORED)
