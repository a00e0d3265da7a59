"""Layers that hold the weights of several users at once.

A batch has as many rows of each user, one user's behind the other's. So the rows of a layer's
input split into users, and each product with a matrix becomes one product with a batch of them.
Attention mixes no rows, and needs no change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import ModelError
from hubtools.training.lora import is_conv, targets, weight_names
from hubtools.training.recipe import Lora

if TYPE_CHECKING:
    import torch

Weights = Mapping[str, "torch.nn.Parameter"]
Forward = Callable[..., "torch.Tensor"]


@dataclass(slots=True)
class Seats:
    """Whose rows stand in the batch in hand."""

    taken: tuple[Weights, ...] = ()
    rows: int = 1
    """Of each user; one user may have any number."""

    def of(self, name: str) -> torch.Tensor:
        """The weights of that name of all who are seated, [users, …]."""
        import torch

        return torch.stack([weights[name] for weights in self.taken])

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """The rows x [users · rows, …, inputs] as [users, rows · …, inputs]."""
        return x.reshape(len(self.taken), -1, x.shape[-1])

    def each_row(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """A vector of each user for each of its rows in x [users · rows, …, d]: […, 1, d]."""
        vectors = self.of(name).repeat_interleave(x.shape[0] // len(self.taken), 0)
        return vectors.view(x.shape[0], *(1,) * (x.dim() - 2), -1)


def adapter_forwards(model: Any, adapter: Lora, seats: Seats) -> list[tuple[Any, Forward]]:
    """The modules that take an adapter, each with a forward that adds its user's second path."""
    scale = adapter.alpha / adapter.rank
    return [
        (module, partial(_adapted, seats, module.forward, *weight_names(name), scale))
        for name, module in targets(model).items()
    ]


def model_forwards(model: Any, seats: Seats) -> list[tuple[Any, Forward]]:
    """The modules that hold weights, each with a forward by its user's weights in their stead.

    Raises ModelError for one that is not known here.
    """
    names = {id(weight): name for name, weight in model.named_parameters()}
    found = []
    for path, module in model.named_modules():
        own = {key: names[id(w)] for key, w in module.named_parameters(recurse=False)}
        if own:
            found.append((module, _stacked(path, module, own, seats)))
    return found


def _stacked(path: str, module: Any, own: Mapping[str, str], seats: Seats) -> Forward:
    import torch

    weight, bias = own.get("weight", ""), own.get("bias")
    if type(module) is torch.nn.Linear or is_conv(module):
        return partial(_linear, seats, weight, bias, is_conv(module))
    if type(module) is torch.nn.Embedding:
        return partial(_embedding, seats, weight)
    if type(module) is torch.nn.LayerNorm:
        return partial(_layer_norm, seats, weight, bias, module.eps)
    if list(own) == ["weight"] and module.weight.dim() == 1:
        twin = copy(module)  # of which `weight` is no parameter, so that it can be anything
        twin._parameters = {}
        return partial(_scaled, seats, weight, twin)
    raise ModelError(
        f"{path} ({type(module).__name__}) cannot hold the weights of several users",
        fix="Leave --together out, or train adapters",
    )


def _adapted(
    seats: Seats, forward: Forward, a: str, b: str, scale: float, x: torch.Tensor
) -> torch.Tensor:
    import torch

    down = torch.bmm(seats.split(x), seats.of(a).mT.to(x.dtype))
    up = torch.bmm(down, seats.of(b).mT.to(down.dtype))
    return forward(x) + up.view(*x.shape[:-1], -1) * scale


def _linear(
    seats: Seats, weight: str, bias: str | None, transposed: bool, x: torch.Tensor
) -> torch.Tensor:
    import torch

    matrices = seats.of(weight) if transposed else seats.of(weight).mT
    if bias is None:
        y = torch.bmm(seats.split(x), matrices)
    else:
        y = torch.baddbmm(seats.of(bias)[:, None], seats.split(x), matrices)
    return y.view(*x.shape[:-1], -1)


def _embedding(seats: Seats, weight: str, ids: torch.Tensor) -> torch.Tensor:
    """Of ids [users · rows, tokens], or of positions [1, tokens] that hold for all rows."""
    import torch

    tables = seats.of(weight)  # [users, tokens known, d]
    users, known = tables.shape[:2]
    if len(ids) == 1:
        ids = ids.expand(users * seats.rows, -1)
    first = torch.arange(users, device=ids.device).repeat_interleave(len(ids) // users) * known
    return torch.nn.functional.embedding(ids + first[:, None], tables.flatten(0, 1))


def _layer_norm(
    seats: Seats, weight: str, bias: str | None, epsilon: float, x: torch.Tensor
) -> torch.Tensor:
    import torch

    y = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=epsilon)
    y = y * seats.each_row(weight, x)
    return y if bias is None else y + seats.each_row(bias, x)


def _scaled(seats: Seats, weight: str, twin: Any, x: torch.Tensor) -> torch.Tensor:
    """A norm of the model's own, which multiplies by its weight in its own way."""
    twin.weight = seats.each_row(weight, x)
    y: torch.Tensor = type(twin).forward(twin, x)
    return y
