"""One prediction at a time, heard while it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubtools.training.base import Base, quiet_transformers
from hubtools.training.predict import Sampling, encode_prompt, generation_config, texts_of


def stream_prediction(
    base: Base, prompt: str, seed: int, sampling: Sampling, heard: Callable[[str], None]
) -> str:
    """What `predict` makes with a count of 1; `heard` gets the text so far after each token.

    An exception from `heard` ends the prediction. Raises UsageError for a prompt that leaves no
    room.
    """
    import torch
    from transformers.generation.streamers import BaseStreamer

    class Hearing(BaseStreamer):
        def __init__(self) -> None:
            self.tokens: list[int] = []

        def put(self, value: Any) -> None:
            self.tokens += value.flatten().tolist()
            if len(self.tokens) > len(encoded["input_ids"][0]):
                heard(texts_of(base, [self.tokens])[0].removesuffix("\ufffd"))

        def end(self) -> None:
            pass

    torch.manual_seed(seed)
    config = generation_config(base, sampling)
    encoded = encode_prompt(base, prompt, config)
    model: Any = base.model
    with torch.inference_mode(), quiet_transformers():
        output = model.generate(**encoded, generation_config=config, streamer=Hearing())
    return texts_of(base, output.tolist())[0]
