"""Writing a trained model as a folder that transformers (or peft) loads."""

from __future__ import annotations

import re
from pathlib import Path

from hubtools.core.files import writing
from hubtools.training.base import Base, quiet_transformers
from hubtools.training.generate import generation_config
from hubtools.training.lora import save_adapter
from hubtools.training.recipe import Recipe, public_name
from hubtools.training.sampling import Sampling


def save_model(base: Base, base_name: str, recipe: Recipe, folder: Path) -> None:
    """Write weights as safetensors, configuration, generation configuration and tokenizer.

    With LoRA the weights are those of the adapter, for the base of that name. Raises OutputError
    when the folder cannot be written.
    """
    base.model.generation_config = generation_config(base, Sampling())
    with writing(folder), quiet_transformers():
        try:
            if recipe.lora is not None:
                save_adapter(base.model, recipe.lora, public_name(base_name), folder)
                base.model.generation_config.save_pretrained(folder)
            else:
                base.model.save_pretrained(folder)
            base.tokenizer.save_pretrained(folder)
        except Exception as error:
            # The Rust libraries report a failed write as errors of their own.
            if isinstance(error, OSError) or not re.search(r"os error|Os \{", str(error)):
                raise
            raise OSError(None, str(error), str(folder)) from error
