"""LoRA adapters in plain PyTorch, in the format that peft reads.

Each matrix W of the base's blocks stays as it is, and x W gets a second path x Aᵀ Bᵀ · alpha / rank
beside it (Hu et al., 2021, https://arxiv.org/abs/2106.09685). A begins as peft's does, B at zero,
so an adapter that was not trained changes nothing. Only A and B are trained and saved: a hundredth
of the base.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubtools.core.errors import ModelError
from hubtools.core.files import write_atomically, writing
from hubtools.training.base import Base
from hubtools.training.recipe import Lora

if TYPE_CHECKING:
    import torch

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_A, _B = "lora_A", "lora_B"
_HOOK = "lora_hook"
_PREFIX = "base_model.model."


def add_adapter(base: Base, adapter: Lora, seed: int) -> None:
    """Freeze the base and put a new adapter on it. Raises ModelError where no matrix takes one."""
    import torch

    remove_adapter(base)
    random = torch.Generator().manual_seed(seed)
    base.model.requires_grad_(False)
    scale = adapter.alpha / adapter.rank
    for module in targets(base.model).values():
        inputs, outputs = _shape(module)
        a = torch.empty(adapter.rank, inputs)
        bound = 1 / math.sqrt(inputs)  # Kaiming's with a = √5, as peft has it
        a.uniform_(-bound, bound, generator=random)
        _attach(module, a, torch.zeros(outputs, adapter.rank), scale)


def remove_adapter(base: Base) -> None:
    """Make of the model what it was before `add_adapter`."""
    for module in base.model.modules():
        hook = module.__dict__.pop(_HOOK, None)
        if hook is not None:
            hook.remove()
            delattr(module, _A)
            delattr(module, _B)
    base.model.requires_grad_(True)


def adapter_weights(base: Base) -> dict[str, torch.Tensor]:
    """A and B of every matrix, by the names that peft has for them."""
    return {
        weight: getattr(module, part).detach()
        for name, module in _adapted(base.model)
        for weight, part in zip(weight_names(name), (_A, _B), strict=True)
    }


def weight_names(module: str) -> tuple[str, str]:
    """What peft calls A and B of the module of that path."""
    return f"{_PREFIX}{module}.{_A}.weight", f"{_PREFIX}{module}.{_B}.weight"


def load_weights(base: Base, weights: Mapping[str, torch.Tensor]) -> None:
    """Set the adapter on `base` to weights by peft's names. Raises KeyError when one is missing."""
    import torch

    with torch.no_grad():
        for name, weight in adapter_weights(base).items():
            weight.copy_(weights[name])


def save_adapter(base: Base, adapter: Lora, base_name: str, folder: Path) -> None:
    """Write peft's two files. Raises OutputError when there is no room."""
    from safetensors.torch import save

    weights = {name: value.cpu().contiguous() for name, value in adapter_weights(base).items()}
    modules = [module for _, module in _adapted(base.model)]
    names = sorted({name.rpartition(".")[2] for name, _ in _adapted(base.model)})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": adapter.rank,
        "lora_alpha": adapter.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": any(is_conv(module) for module in modules),
        "target_modules": names,
        "inference_mode": True,
    }
    with writing(folder):
        write_atomically(folder / WEIGHTS, save(weights, metadata={"format": "pt"}))
        write_atomically(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def load_adapter(base: Base, folder: Path) -> None:
    """Put the adapter in `folder` on the base that it was trained on.

    Raises ModelError when it was trained on another or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / CONFIG).read_bytes())
        weights = load_file(folder / WEIGHTS)
        add_adapter(base, Lora(rank=config["r"], alpha=config["lora_alpha"]), 0)
        if adapter_weights(base).keys() != weights.keys():
            raise ModelError("is an adapter of another model", where=folder)
        load_weights(base, weights)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"is no adapter of this base: {error}", where=folder) from error


def base_of(folder: Path) -> str | None:
    """The name of the base that the adapter in `folder` is for; None where there is no adapter."""
    file = folder / CONFIG
    if not file.is_file():
        return None
    name = json.loads(file.read_bytes()).get("base_model_name_or_path")
    return name if isinstance(name, str) else None


def targets(model: Any) -> dict[str, Any]:
    """The modules whose matrices take an adapter, by their paths: all but the head."""
    import torch

    head = model.get_output_embeddings()
    found = {
        name: module
        for name, module in model.named_modules()
        if (isinstance(module, torch.nn.Linear) or is_conv(module)) and module is not head
    }
    if not found:
        raise ModelError("has no matrices that an adapter could be put on")
    return found


def _adapted(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, m) for name, m in model.named_modules() if _HOOK in m.__dict__)


def is_conv(module: Any) -> bool:
    """GPT-2's own linear layer, whose weight is transposed."""
    return type(module).__name__ == "Conv1D"


def _shape(module: Any) -> tuple[int, int]:
    """How many numbers go in, and how many come out."""
    rows, columns = module.weight.shape
    return (rows, columns) if is_conv(module) else (columns, rows)


def _attach(module: Any, a: torch.Tensor, b: torch.Tensor, scale: float) -> None:
    import torch

    device = module.weight.device
    module.register_parameter(_A, torch.nn.Parameter(a.to(device)))
    module.register_parameter(_B, torch.nn.Parameter(b.to(device)))

    def second_path(module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        return output + (inputs[0] @ module.lora_A.T) @ module.lora_B.T * scale

    module.__dict__[_HOOK] = module.register_forward_hook(second_path)
