"""What a model may start from, and what is said about what it may not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hubtools.core.errors import HubUnavailableError, ModelError
from hubtools.training.base import load_base, make_base, quiet_transformers
from hubtools.training.evaluate import likelihoods
from hubtools.training.generate import predict
from hubtools.training.recipe import Recipe
from hubtools.training.sampling import Sampling
from tests.training.makers import posts


def test_a_gpt2_in_a_folder(tiny_gpt2: Path, recipe: Recipe) -> None:
    base = make_base(str(tiny_gpt2), recipe, [], 0)
    assert base.context == 96
    assert base.tokenizer("My dream")["input_ids"][0] == base.start == base.end


def test_scratch_writes_any_text(recipe: Recipe) -> None:
    base = make_base("scratch", recipe, posts(50), 0)
    for text in ("⚓ naïve 日本語 👩‍👩‍👧", "  two  spaces", "\x00"):
        ids = base.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert base.tokenizer.decode(ids) == text


def test_predictions_begin_with_the_prompt_and_follow_the_seed(tiny_gpt2: Path) -> None:
    base = load_base(str(tiny_gpt2))
    texts = predict(base, "My dream is", 5, 3, Sampling())
    assert len(texts) == 5
    assert all(text.startswith("My dream is") for text in texts)
    assert texts == predict(base, "My dream is", 5, 3, Sampling())
    assert texts != predict(base, "My dream is", 5, 4, Sampling())
    assert not [text for text in texts if "<|endoftext|>" in text]


@pytest.fixture
def broken(tiny_gpt2: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_gpt2, tmp_path / "broken"))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_base(str(tmp_path / "gone"))
    assert caught.value.where == str(tmp_path / "gone")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        load_base(str(tmp_path))


def test_weights_cut_in_half(broken: Path) -> None:
    file = broken / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_base(str(broken))
    assert "\n" not in str(caught.value)


def test_weights_in_a_pickle_are_refused(broken: Path) -> None:
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_base(str(broken))


def test_a_model_that_cannot_continue_text(broken: Path) -> None:
    config = json.loads((broken / "config.json").read_text())
    config["model_type"] = "vit"
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="causal language model"):
        load_base(str(broken))


def test_a_tokenizer_without_an_end(broken: Path) -> None:
    config = json.loads((broken / "tokenizer_config.json").read_text())
    config["eos_token"] = None
    (broken / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no end-of-text token"):
        load_base(str(broken))


def test_a_tokenizer_that_is_too_large(broken: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(broken)
    tokenizer.add_tokens([f"extra{n}" for n in range(500)])
    tokenizer.save_pretrained(broken)
    with pytest.raises(ModelError, match="more tokens than its model"):
        load_base(str(broken))


def test_a_hub_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's retries
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:1/{repo_id}/resolve/{revision}/{filename}",
    )
    with pytest.raises(HubUnavailableError, match="cannot be reached"):
        load_base("nobody/nothing")


@pytest.mark.parametrize("name", ["a/b/c", "bad name", "-x"])
def test_a_name_that_is_no_repository(name: str) -> None:
    with pytest.raises(ModelError):
        load_base(name)


def test_the_likelihood_of_a_text_does_not_depend_on_its_neighbours(tiny_gpt2: Path) -> None:
    base = load_base(str(tiny_gpt2))
    texts = ["Today the fog misplaced one oar.", "My dream is"]
    together = likelihoods(base, texts)
    assert together == [value for text in texts for value in likelihoods(base, [text])]
    assert all(value < 0 for value in together)


def test_transformers_are_quiet_until_the_last_who_asked_is_done() -> None:
    """A fleet's threads, and the one that saves meanwhile, come and go in any order."""
    from transformers.utils import logging

    def state() -> tuple[bool, int]:
        return logging.is_progress_bar_enabled(), logging.get_verbosity()

    before, first, second = state(), quiet_transformers(), quiet_transformers()
    with first:
        quiet = state()
        second.__enter__()
    assert state() == quiet == (False, logging.ERROR)
    second.__exit__(None, None, None)
    assert state() == before != quiet
