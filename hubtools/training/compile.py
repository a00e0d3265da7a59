"""The training loss as compiled code (`--compile`), for batches padded to a dozen shapes.

Compiling takes up to a minute a shape, so it pays where one process trains many models: the code
stays with the model, whose weights change in place. On a GPU it runs as CUDA graphs.
"""

from __future__ import annotations

from typing import Any

import torch

from hubtools.training.data import IGNORE_INDEX, pad_to

_NARROWEST = 10  # inputs of a row; there are few such batches, of very many rows
_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_MAX_SHAPES = 64  # that Dynamo keeps code for, of all bases that one process compiles


class CompiledLoss:
    """The summed loss of a batch under `model`, in nats."""

    def __init__(self, model: Any, backend: str = "inductor") -> None:
        def loss(inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            logits = model(input_ids=inputs, use_cache=False).logits.flatten(0, 1).float()
            return torch.nn.functional.cross_entropy(
                logits, labels.flatten(), reduction="sum", ignore_index=IGNORE_INDEX
            )

        config: Any = torch._dynamo.config
        config.recompile_limit = max(config.recompile_limit, _MAX_SHAPES)
        mode = "reduce-overhead" if model.device.type == "cuda" else None
        self._loss: Any = torch.compile(loss, dynamic=False, backend=backend, mode=mode)

    def __call__(
        self, inputs: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]
    ) -> torch.Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # the last step's outputs are not used any more
        found: torch.Tensor = self._loss(*pad_to(inputs, labels, shape))
        return found


def padded_shape(width: int, tokens_per_step: int, context: int) -> tuple[int, int] | None:
    """Rows and width that hold every batch whose longest row has `width` inputs.

    Such a batch has at most tokens_per_step / (width + 1) rows. None where padding would cost
    more than compiling saves.
    """
    if width <= _NARROWEST:
        return None
    below = max([known for known in _WIDTHS if known < width], default=_NARROWEST)
    wide = min([known for known in _WIDTHS if known >= width], default=context)
    return max(1, tokens_per_step // (below + 2)), min(wide, context)
