"""The model that training starts from: a pre-trained one, or a small GPT-2 from the posts alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from hubtools.core.errors import ModelError
from hubtools.training.find_base import find_base, translated_errors
from hubtools.training.lora import base_of, load_adapter
from hubtools.training.recipe import SCRATCH, Recipe, Scratch

END_OF_TEXT = "<|endoftext|>"
_MIN_USED_EMBEDDINGS = 0.5  # vocabularies are padded, but never by that much

CompiledLossFunction = Callable[[torch.Tensor, torch.Tensor, tuple[int, int]], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Base:
    """A model and its tokenizer, ready to be trained or prompted."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    start: int
    """The token before every text."""
    end: int
    """The token that ends a text."""
    compiled: CompiledLossFunction | None = None
    """The model's loss as compiled code, where it trains many times."""
    commit: str | None = None
    """Of the repository; None for a folder or from scratch."""

    @property
    def context(self) -> int:
        """Tokens that the model reads at once."""
        config = self.model.config.get_text_config()
        limits = (getattr(config, key, None) for key in ("max_position_embeddings", "n_positions"))
        return min([limit for limit in limits if isinstance(limit, int)], default=1024)

    @property
    def device(self) -> str:
        """`cuda` or `cpu`."""
        return self.model.device.type

    @property
    def hidden_size(self) -> int:
        model: Any = self.model
        return int(model.get_input_embeddings().weight.shape[1])

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())


def make_base(name: str, recipe: Recipe, texts: Sequence[str], seed: int) -> Base:
    """Load the base `name` in fp32: a repository, a folder, or `scratch`, made from `texts`.

    Raises ModelError when there is no such model or it is not a causal language model,
    AccessError when the Hub denies access, HubUnavailableError when it cannot be reached.
    """
    torch.manual_seed(seed)
    if name == SCRATCH and recipe.scratch is not None:
        return _from_scratch(recipe.scratch, recipe.dropout, texts)
    return load_base(name, dropout=recipe.dropout)


def load_base(name: str, dropout: float | None = None) -> Base:
    """Load a model, or an adapter with its base, from a folder or a repository.

    `dropout` replaces that of embeddings and residuals; attention then has none, which keeps its
    fast path. Raises what `make_base` does.
    """
    adapted = base_of(Path(name))
    if adapted is not None:
        base = replace(load_base(adapted, dropout), commit=None)
        load_adapter(base.model, Path(name))
        return base
    with translated_errors(name), quiet_transformers():
        commit = find_base(name)
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise ModelError("is an encoder-decoder model and cannot continue a text", where=name)
        if dropout is not None:
            _set_dropout(config, dropout)
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name,
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, loading = loaded
    _check_weights(name, loading["missing_keys"])
    return replace(_checked(name, model, tokenizer), commit=commit)


def _check_weights(name: str, missing: Collection[str]) -> None:
    """Raises ModelError for missing weights, which transformers would initialise at random."""
    if not missing:
        return
    heads = [key for key in missing if "head" in key or "embed_out" in key]
    first = (heads or sorted(missing))[0]
    what = "has no language-model head" if len(heads) == len(missing) else "lacks weights"
    raise ModelError(
        f"{what} ({first} is not in its file)",
        where=name,
        fix="Set --base to a causal language model, not to its inner part",
    )


class _Quiet:
    """Keeps transformers quiet while any thread wants it; its settings are global."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = (True, 0)

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = logging.is_progress_bar_enabled(), logging.get_verbosity()
                logging.disable_progress_bar()
                logging.set_verbosity_error()
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                shown, level = self._before
                logging.set_verbosity(level)
                if shown:
                    logging.enable_progress_bar()


_QUIET = _Quiet()


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without the progress bars and warnings of transformers."""
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()


def _checked(name: str, model: Any, tokenizer: Any) -> Base:
    embedded = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > embedded:
        raise ModelError("its tokenizer has more tokens than its model", where=name)
    if len(tokenizer) < _MIN_USED_EMBEDDINGS * embedded:
        raise ModelError(
            f"its tokenizer has {len(tokenizer):,} tokens and its model {embedded:,}, "
            "so they do not belong together",
            where=name,
        )
    end = tokenizer.eos_token_id
    if end is None:
        raise ModelError("its tokenizer has no end-of-text token", where=name)
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError("its tokenizer has no tokenizer.json", where=name)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    _put_start_first(tokenizer, start, end)
    _check_causal(name, model, (start, end))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Base(model.to(device), tokenizer, start, end)


def _check_causal(name: str, model: Any, ends: tuple[int, int]) -> None:
    """Raises ModelError for a model that looks ahead, such as a masked language model."""
    start, end = ends
    other = 1 if end == 0 else 0
    model.eval()
    with torch.inference_mode(), quiet_transformers():
        rows = torch.tensor([[start, start, end], [start, start, other]])
        logits = model(input_ids=rows, use_cache=False).logits
    if not torch.allclose(logits[0, :2], logits[1, :2], atol=1e-3):
        raise ModelError(
            "is not a causal language model: it looks ahead and cannot continue a text",
            where=name,
            fix="Set --base to a causal language model",
        )


def _put_start_first(tokenizer: Any, start: int, end: int) -> None:
    """Make the saved tokenizer begin every text with the start token, as training does.

    So `pipeline` needs no special prompt. A text to be continued gets no end token.
    """
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    if tokenizer("a")["input_ids"] == [start, *plain]:
        return
    token = tokenizer.convert_ids_to_tokens(start)
    for name in ("add_bos_token", "add_eos_token"):
        if hasattr(tokenizer, name):
            setattr(tokenizer, name, name == "add_bos_token" and tokenizer.bos_token is not None)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A $B:1", special_tokens=[(token, start)]
    )


def _set_dropout(config: Any, dropout: float) -> None:
    for key, value in (
        ("embd_pdrop", dropout),
        ("resid_pdrop", dropout),
        ("attn_pdrop", 0.0),
        ("attention_dropout", 0.0),
    ):
        if hasattr(config, key):
            setattr(config, key, value)


def _from_scratch(shape: Scratch, dropout: float | None, texts: Sequence[str]) -> Base:
    tokenizer = train_tokenizer(shape, texts)
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=shape.context_length,
        n_layer=shape.n_layer,
        n_embd=shape.n_embd,
        n_head=shape.n_head,
        bos_token_id=end,
        eos_token_id=end,
    )
    if dropout is not None:
        _set_dropout(config, dropout)
    model: Any = GPT2LMHeadModel(config)
    return _checked(SCRATCH, model, tokenizer)


def train_tokenizer(shape: Scratch, texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE like GPT-2's, trained on the posts; it can encode any text."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=shape.context_length,
        clean_up_tokenization_spaces=False,
    )
