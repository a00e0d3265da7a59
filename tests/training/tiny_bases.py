"""Tiny random models of the architectures that people start from, each with its own tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.training.makers import posts, save_tiny_gpt2

CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"


def byte_level(vocabulary: int, special: list[str]) -> Any:
    """A byte-level BPE with these special tokens, as GPT-2, Qwen and SmolLM have it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(posts(200), trainer)
    return bpe


def save(model: Any, tokenizer: Any, folder: Path, **tokens: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens).save_pretrained(folder)


def gpt2(folder: Path) -> None:
    save_tiny_gpt2(folder)


def distilgpt2(folder: Path) -> None:
    """distilgpt2 says task-specific sampling in its configuration, as old files do."""
    save_tiny_gpt2(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["task_specific_params"] = {"text-generation": {"do_sample": True, "max_length": 50}}
    config["n_layer"] = 2
    file.write_text(json.dumps(config))


def llama(folder: Path) -> None:
    """Untied embeddings, <s> before every text, </s> behind it, spaces as ▁."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    bpe = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )  # fmt: skip
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    bpe.train_from_iterator(
        posts(200),
        trainers.BpeTrainer(
            vocab_size=500, special_tokens=["<unk>", "<s>", "</s>", *fallback], show_progress=False
        ),
    )
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    config = LlamaConfig(
        vocab_size=bpe.get_vocab_size(), hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    save(
        LlamaForCausalLM(config), bpe, folder, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def qwen2(folder: Path) -> None:
    """No BOS, a vocabulary padded beyond the tokenizer's, a chat template."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    bpe = byte_level(420, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    config = Qwen2Config(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        eos_token_id=0, bos_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    save(
        Qwen2ForCausalLM(config), bpe, folder, eos_token="<|endoftext|>", pad_token="<|endoftext|>",
        chat_template=CHAT,
    )  # fmt: skip


def qwen3(folder: Path) -> None:
    """One that was tuned to chat: it ends with <|im_end|>, and says how to sample."""
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    bpe = byte_level(420, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    config = Qwen3Config(
        vocab_size=bpe.get_vocab_size(), hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        max_position_embeddings=128, eos_token_id=2, bos_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.6, top_k=20, eos_token_id=[2, 0], pad_token_id=0
    )
    save(model, bpe, folder, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT)


def smollm(folder: Path) -> None:
    """Llama's architecture with tied embeddings and one token for start and end."""
    from transformers import LlamaConfig, LlamaForCausalLM

    bpe = byte_level(420, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    config = LlamaConfig(
        vocab_size=bpe.get_vocab_size(), hidden_size=36, intermediate_size=72,
        num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
        max_position_embeddings=128, bos_token_id=0, eos_token_id=0, tie_word_embeddings=True,
    )  # fmt: skip
    save(
        LlamaForCausalLM(config), bpe, folder, bos_token="<|endoftext|>",
        eos_token="<|endoftext|>", unk_token="<|endoftext|>",
    )  # fmt: skip


BASES: dict[str, Callable[[Path], None]] = {
    make.__name__: make for make in (gpt2, distilgpt2, llama, qwen2, qwen3, smollm)
}
