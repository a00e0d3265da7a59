"""Any causal language model can be the base: trained, saved, loaded by transformers, prompted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.corpus.corpus import build_corpus
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.training.base import load_base
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.run import RunSettings, run_training
from tests.training.makers import posts
from tests.training.tiny_bases import BASES

FEW = replace(load_recipe("huggingtweets"), packing=None, epochs=2, tokens_per_step=512)


@pytest.fixture(scope="module", params=list(BASES))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bases") / request.param
    BASES[request.param](folder)
    return folder


def train(base: Path, folder: Path, recipe: Recipe) -> None:
    said = tuple(Post(str(number), text) for number, text in enumerate(posts(150)))
    corpus = build_corpus(AccountPosts("p", "00", Account("x", "keeper"), said))
    settings = RunSettings(
        base=str(base), recipe=recipe, seed=1, prompt="My dream is", cleaning="voice"
    )
    folder.mkdir(exist_ok=True)
    run = run_training([corpus], settings, folder, Reporter(), CancelToken())
    assert run.evaluation.base_loss is not None
    assert run.evaluation.test_loss < run.evaluation.base_loss


def test_it_is_trained_saved_loaded_and_prompted(base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, pipeline

    before = load_base(str(base))
    train(base, tmp_path / "m", replace(FEW, learning_rate=3e-3))
    after = load_base(str(tmp_path / "m"))
    assert (after.start, after.end) == (before.start, before.end)
    text = "Today the fog misplaced one oar. ⚓ naïve"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    plain = AutoTokenizer.from_pretrained(base)(text, add_special_tokens=False)["input_ids"]
    assert tokenizer(text)["input_ids"] == [after.start, *plain]
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(base).chat_template
    said = json.loads((tmp_path / "m" / "generation_config.json").read_text())
    assert said["eos_token_id"] == after.end
    assert (said["do_sample"], said["temperature"], said["top_k"]) == (True, 1.0, 50)
    generator = pipeline("text-generation", model=str(tmp_path / "m"))
    made = [m["generated_text"] for m in generator("My dream is", num_return_sequences=3)]
    assert all(text.startswith("My dream is") for text in made)
    assert not [path.name for path in (tmp_path / "m").iterdir() if path.suffix == ".bin"]


def test_the_predecessors_blocks_fit_every_base(base: Path, tmp_path: Path) -> None:
    """Blocks are never longer than what the base reads at once."""
    train(base, tmp_path / "m", replace(load_recipe("huggingtweets"), learning_rate=3e-3))


# What is refused


def test_the_inner_part_of_a_model(tmp_path: Path) -> None:
    from transformers import AutoModel

    BASES["llama"](tmp_path)
    AutoModel.from_pretrained(tmp_path).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"no language-model head \(lm_head.weight"):
        load_base(str(tmp_path))


def test_weights_that_are_not_all_there(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    BASES["qwen2"](tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights .*layers\.1\.mlp\.up_proj"):
        load_base(str(tmp_path))


def test_a_model_that_fills_in_masks(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    BASES["qwen2"](tmp_path)
    config = BertConfig(
        vocab_size=512, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="cannot continue"):
        load_base(str(tmp_path))


def test_a_model_that_translates(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    BASES["qwen2"](tmp_path)
    config = T5Config(vocab_size=512, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="cannot continue"):
        load_base(str(tmp_path))


def test_the_tokenizer_of_another_model(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    BASES["smollm"](tmp_path)
    config = LlamaConfig(
        vocab_size=2000, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=4, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"420 .*2,000"):
        load_base(str(tmp_path))


def test_code_of_its_own_is_never_run(tmp_path: Path) -> None:
    BASES["smollm"](tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text()) | {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"},
    }
    file.write_text(json.dumps(config))
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="code of its own, which is never run"):
        load_base(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_says_why_it_is_not_loaded(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    BASES["smollm"](tmp_path)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="pickle files can run code"):
        load_base(str(tmp_path))


def test_no_tokenizer(tmp_path: Path) -> None:
    BASES["smollm"](tmp_path)
    for file in tmp_path.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match=r"cannot be loaded|tokenizer"):
        load_base(str(tmp_path))
