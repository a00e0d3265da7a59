"""LoRA adapters: what peft makes of them, and what they leave of their base."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi

from hubtools.cards.card_file import load_card
from hubtools.cards.frontmatter import read_front_matter
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.localhub.server import serving
from hubtools.services.train import TrainRequest, train
from hubtools.training.base import Base, load_base
from hubtools.training.lora import (
    adapter_weights,
    add_adapter,
    load_adapter,
    remove_adapter,
    save_adapter,
)
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import Lora, load_recipe
from tests.makers import command, write_archive
from tests.training.makers import posts
from tests.training.runs import Recorder

RANK = Lora(rank=4, alpha=8)


@pytest.fixture
def base(tiny_gpt2: Path) -> Base:
    made = load_base(str(tiny_gpt2))
    made.model.eval()
    return made


def logits(base: Base) -> torch.Tensor:
    ids = torch.arange(12).view(2, 6)
    with torch.inference_mode():
        return base.model(input_ids=ids).logits.clone()


def scramble(base: Base) -> None:
    """Give the adapter something to say."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in base.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.3)


def request(tiny_gpt2: Path, folder: Path, base: str | None = None) -> TrainRequest:
    archive = write_archive(folder / "archive.zip", posts(160))
    recipe = folder / "tiny-adapter.toml"
    text = (Path(load_recipe.__code__.co_filename).parent / "recipes/lora.toml").read_text()
    recipe.write_text(text.replace("epochs = 9", "epochs = 2").replace("rank = 16", "rank = 4"))
    return TrainRequest(
        project=Project(folder),
        sources=(str(archive),),
        base=base or str(tiny_gpt2),
        prompt="My dream is",
        seed=1,
        recipe=str(recipe),
        name="small",
    )


def test_an_adapter_that_was_not_trained_changes_nothing(base: Base) -> None:
    before = logits(base)
    add_adapter(base.model, RANK, 1)
    assert torch.equal(logits(base), before)
    scramble(base)
    assert not torch.allclose(logits(base), before, atol=1e-3)
    remove_adapter(base.model)
    assert torch.equal(logits(base), before)
    assert all(parameter.requires_grad for parameter in base.model.parameters())


def test_peft_reads_what_is_saved(base: Base, tiny_gpt2: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    add_adapter(base.model, RANK, 1)
    scramble(base)
    save_adapter(base.model, RANK, "acme/tiny", tmp_path)
    theirs = load_base(str(tiny_gpt2))
    model = peft.PeftModel.from_pretrained(theirs.model, tmp_path).eval()
    with torch.inference_mode():
        said = model(input_ids=torch.arange(12).view(2, 6)).logits
    torch.testing.assert_close(said, logits(base))
    ours = load_base(str(tiny_gpt2))
    ours.model.eval()
    load_adapter(ours.model, tmp_path)
    assert torch.equal(logits(ours), logits(base))


def test_an_adapter_of_another_base_is_refused(base: Base, tmp_path: Path) -> None:
    add_adapter(base.model, RANK, 1)
    save_adapter(base.model, RANK, "acme/tiny", tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, "r": 5}))
    with pytest.raises(ModelError) as caught:
        load_adapter(base.model, tmp_path)
    assert caught.value.where == str(tmp_path)


def test_only_the_target_modules_are_adapted(base: Base, tmp_path: Path) -> None:
    add_adapter(base.model, Lora(rank=2, alpha=4, target_modules=("c_attn",)), 1)
    assert {name.rsplit(".", 3)[1] for name in adapter_weights(base.model)} == {"c_attn"}
    scramble(base)
    adapted = logits(base)
    save_adapter(base.model, Lora(rank=2, alpha=4), "acme/tiny", tmp_path)
    load_adapter(base.model, tmp_path)
    assert torch.equal(logits(base), adapted)
    with pytest.raises(ModelError):
        add_adapter(base.model, Lora(rank=2, alpha=4, target_modules=("nothing",)), 1)


def test_a_base_is_as_before_after_an_adapter(tiny_gpt2: Path) -> None:
    bases, recipe = ModelCache(), load_recipe("lora")
    first = bases.load(str(tiny_gpt2), recipe, (), 1)
    first.model.eval()
    before = logits(first)
    add_adapter(first.model, RANK, 1)
    scramble(first)
    again = bases.load(str(tiny_gpt2), recipe, (), 1)
    again.model.eval()
    assert torch.equal(logits(again), before)


def test_a_run_saves_the_adapter_alone_and_goes_on_after_a_kill(
    tiny_gpt2: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubtools.services import model_folder as steps

    def killed(*_: object) -> None:
        raise SystemExit("killed")

    asked = request(tiny_gpt2, folder)
    recorder = Recorder()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "draw_pictures", killed)
        with pytest.raises(SystemExit):
            train(asked, Reporter((recorder,)), CancelToken())
    assert "local_base" in [warning.code for warning in recorder.warnings]
    made = train(asked, Reporter(), CancelToken())
    names = {path.name for path in made.folder.path.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "generation_config.json"} <= names
    assert not names & {"model.safetensors", "config.json"}
    assert str(tiny_gpt2.parent) not in (made.folder.path / "adapter_config.json").read_text()
    assert made.card.training is not None
    assert made.card.training.lora_rank == 4
    assert made.card.evaluation is not None
    assert made.card.evaluation.base_loss is not None
    assert made.card.evaluation.test_loss < made.card.evaluation.base_loss
    assert load_card(made.card_file) == made.card


@pytest.mark.slow
def test_the_card_says_adapter_and_its_snippet_works(tiny_gpt2: Path, folder: Path) -> None:
    """With the base and the adapter on one Hub, in a process that knows nothing else."""
    pytest.importorskip("peft")
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.create_repo("me/tiny")
        api.upload_folder(folder_path=tiny_gpt2, repo_id="me/tiny")
        env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache"), "HF_TOKEN": "any"}
        asked = request(tiny_gpt2, folder)
        arguments = ["publish", *asked.sources, "--base", "me/tiny", "--name", "small"]
        result = command(
            *arguments, "--recipe", str(asked.recipe), "--to", endpoint, "--namespace", "me",
            cwd=folder, env=env,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        readme = (folder / "models/small/README.md").read_text()
        data, _, _ = read_front_matter(readme)
        assert data["base_model"] == "me/tiny"
        assert data["base_model_relation"] == "adapter"
        assert data["library_name"] == "peft"
        record = json.loads((folder / "models/small/run.json").read_text())
        assert record["run"]["base_commit"] == api.model_info("me/tiny").sha
        snippet = readme.partition("```python\n")[2].partition("```")[0]
        script = f"{snippet}\nprint(repr(generator('My dream is', num_return_sequences=3)))"
        said = subprocess.run(
            [sys.executable, "-c", script],
            env={"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "other"), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 0, said.stderr
    texts = [made["generated_text"] for made in eval(said.stdout)]
    assert len(texts) == 3
    assert all(text.startswith("My dream is") for text in texts)
