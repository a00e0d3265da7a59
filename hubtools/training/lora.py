"""LoRA adapters in plain PyTorch, in the format that peft reads.

Each adapted matrix W stays frozen, and x Aᵀ Bᵀ · alpha / rank is added to x W (Hu et al., 2021,
https://arxiv.org/abs/2106.09685). A is initialised as in peft and B is zero, so an untrained
adapter changes nothing. Only A and B are trained and saved: about a hundredth of the base.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from hubtools.core.errors import ModelError
from hubtools.core.files import write_atomically, writing
from hubtools.training.recipe import Lora

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_A, _B = "lora_A", "lora_B"
_HOOK = "lora_hook"
_PREFIX = "base_model.model."


def add_adapter(model: Any, lora: Lora, seed: int) -> None:
    """Freeze the model and add a new adapter. Raises ModelError where no layer takes one."""
    remove_adapter(model)
    random = torch.Generator().manual_seed(seed)
    model.requires_grad_(False)
    for module in _targets(model, lora.target_modules).values():
        inputs, outputs = _shape(module)
        a = torch.empty(lora.rank, inputs)
        bound = 1 / math.sqrt(inputs)  # Kaiming's with a = √5, as in peft
        a.uniform_(-bound, bound, generator=random)
        _attach(module, a, torch.zeros(outputs, lora.rank), lora.alpha / lora.rank)


def remove_adapter(model: Any) -> None:
    """Undo `add_adapter`."""
    for module in model.modules():
        hook = module.__dict__.pop(_HOOK, None)
        if hook is not None:
            hook.remove()
            delattr(module, _A)
            delattr(module, _B)
    model.requires_grad_(True)


def adapter_weights(model: Any) -> dict[str, torch.Tensor]:
    """A and B of every adapted layer, by peft's names."""
    return {
        f"{_PREFIX}{name}.{part}.weight": getattr(module, part).detach()
        for name, module in _adapted(model)
        for part in (_A, _B)
    }


def save_adapter(model: Any, lora: Lora, base_name: str, folder: Path) -> None:
    """Write the two files that peft reads. Raises OutputError when they cannot be written."""
    weights = {name: value.cpu().contiguous() for name, value in adapter_weights(model).items()}
    layers = dict(_adapted(model))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": any(_is_conv1d(module) for module in layers.values()),
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "inference_mode": True,
    }
    with writing(folder):
        write_atomically(folder / WEIGHTS, save(weights, metadata={"format": "pt"}))
        write_atomically(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def load_adapter(model: Any, folder: Path) -> None:
    """Add the adapter in `folder`. Raises ModelError for another base's, and a damaged one."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        weights = load_file(folder / WEIGHTS)
        targets = tuple(config["target_modules"])
        lora = Lora(rank=config["r"], alpha=config["lora_alpha"], target_modules=targets)
        add_adapter(model, lora, 0)
        if adapter_weights(model).keys() != weights.keys():
            raise ModelError("is an adapter of another model", where=folder)
        with torch.no_grad():
            for name, weight in adapter_weights(model).items():
                weight.copy_(weights[name])
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"is not an adapter of this base: {error}", where=folder) from error


def base_of(folder: Path) -> str | None:
    """The name of the base that the adapter in `folder` is for; None where there is no adapter."""
    file = folder / CONFIG
    if not file.is_file():
        return None
    name = json.loads(file.read_bytes()).get("base_model_name_or_path")
    return name if isinstance(name, str) else None


def _targets(model: Any, names: tuple[str, ...] | None) -> dict[str, Any]:
    """The linear layers of those names by their paths; without names, all but the head."""
    head = model.get_output_embeddings()
    found = {
        path: module
        for path, module in model.named_modules()
        if (isinstance(module, torch.nn.Linear) or _is_conv1d(module))
        and module is not head
        and (names is None or path.rpartition(".")[2] in names)
    }
    if not found:
        raise ModelError("has no layers that a LoRA adapter could be added to")
    return found


def _adapted(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, m) for name, m in model.named_modules() if _HOOK in m.__dict__)


def _is_conv1d(module: Any) -> bool:
    """GPT-2's own linear layer, whose weight is transposed."""
    return type(module).__name__ == "Conv1D"


def _shape(module: Any) -> tuple[int, int]:
    """Input and output features."""
    rows, columns = module.weight.shape
    return (rows, columns) if _is_conv1d(module) else (columns, rows)


def _attach(module: Any, a: torch.Tensor, b: torch.Tensor, scale: float) -> None:
    device = module.weight.device
    module.register_parameter(_A, torch.nn.Parameter(a.to(device)))
    module.register_parameter(_B, torch.nn.Parameter(b.to(device)))

    def add_low_rank(module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        return output + (inputs[0] @ module.lora_A.T) @ module.lora_B.T * scale

    module.__dict__[_HOOK] = module.register_forward_hook(add_low_rank)
