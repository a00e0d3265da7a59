"""The whole way, from an archive to a model on a Hub, and what interrupts it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.render import is_sealed
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import (
    AccessError,
    ConflictError,
    HubUnavailableError,
    ModelError,
    PolicyError,
    UsageError,
)
from hubtools.core.events import Reporter
from hubtools.core.run_record import read_record
from hubtools.localhub.access import Access
from hubtools.localhub.server import serving
from hubtools.services.publish import PublishRequest, PublishResult, publish
from hubtools.services.train import TrainRequest
from tests.makers import command, posts, write_archive, write_recipe


class Notes(Reporter):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def request_(folder: Path) -> TrainRequest:
    return TrainRequest(
        project=Project(folder),
        sources=(str(write_archive(folder / "archive.zip")),),
        base="scratch",
        prompt="My dream is",
        seed=1,
        recipe=str(write_recipe(folder / "tiny.toml")),
    )


def go(request: TrainRequest, to: str = "local:hub", namespace: str | None = None) -> PublishResult:
    publication = PublishRequest(
        train=replace(request, project=Project(Path.cwd())), to=to, namespace=namespace
    )
    return publish(publication, Reporter(), CancelToken())


def test_a_model_is_made_and_published(request_: TrainRequest, folder: Path) -> None:
    published = go(request_)
    assert published.repo_id == "me/fogwatch"
    made = sorted(path.name for path in (folder / "models/fogwatch").iterdir())
    assert made == [
        "README.md", "config.json", "generation_config.json", "model.safetensors",
        "pipeline.png", "predictions.png", "run.json", "tokenizer.json", "tokenizer_config.json",
        "training.png",
    ]  # fmt: skip
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        assert sorted(api.list_repo_files("me/fogwatch")) == [".gitattributes", *made]
        assert api.model_info("me/fogwatch").sha == published.commit
    card = load_card(folder / "cards/fogwatch.toml")
    assert card.accounts[0].name == "Fog Watch 🌫️"
    assert card.accounts[0].posts is not None
    assert card.accounts[0].posts.downloaded == 300
    assert 1 <= len(card.predictions) <= 10
    assert is_sealed((folder / "models/fogwatch/README.md").read_text())


def test_a_pipeline_loads_it_from_the_hub_as_the_card_says(
    request_: TrainRequest, folder: Path
) -> None:
    go(request_)
    readme = (folder / "models/fogwatch/README.md").read_text()
    snippet = readme.partition("```python\n")[2].partition("```")[0]
    script = f"{snippet}\nprint(repr(generator('My dream is', num_return_sequences=3)))"
    with serving(folder / "hub") as endpoint:
        result = subprocess.run(
            [sys.executable, "-c", script],
            env={"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache"), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    texts = [made["generated_text"] for made in eval(result.stdout)]
    assert len(texts) == 3
    assert all(text.startswith("My dream is") for text in texts)
    assert "warning" not in result.stderr.lower()


def test_the_same_seed_gives_the_same_bytes(request_: TrainRequest, folder: Path) -> None:
    go(request_)
    first = {path.name: path.read_bytes() for path in (folder / "models/fogwatch").iterdir()}
    card = (folder / "cards/fogwatch.toml").read_bytes()
    shutil.rmtree(folder / "models")
    (folder / "cards/fogwatch.toml").unlink()
    go(request_)
    second = {path.name: path.read_bytes() for path in (folder / "models/fogwatch").iterdir()}
    # The record also says how long it took.
    assert first.pop("run.json") != b""
    second.pop("run.json")
    assert first == second
    assert (folder / "cards/fogwatch.toml").read_bytes() == card


def test_nothing_is_done_twice(request_: TrainRequest, folder: Path) -> None:
    first = go(request_)
    model = folder / "models/fogwatch/model.safetensors"
    stamp = model.stat().st_mtime_ns
    second = go(request_)
    assert second.commit == first.commit
    assert second.uploaded == ()
    assert model.stat().st_mtime_ns == stamp


def test_the_card_links_how_the_recipe_was_found(request_: TrainRequest, folder: Path) -> None:
    go(request_)
    stamp = (folder / "models/fogwatch/model.safetensors").stat().st_mtime_ns
    recipe, address = Path(str(request_.recipe)), "https://example.org/how.html"
    recipe.write_text(f'report = "{address}"\n{recipe.read_text()}')
    go(request_)
    assert f"[Report]({address})" in (folder / "models/fogwatch/README.md").read_text()
    assert (folder / "models/fogwatch/model.safetensors").stat().st_mtime_ns == stamp
    go(replace(request_, seed=2))
    card = load_card(folder / "cards/fogwatch.toml")
    assert [run.url for run in card.runs] == [address]


def test_another_seed_is_another_model(request_: TrainRequest) -> None:
    first = go(request_)
    second = go(replace(request_, seed=2))
    assert "model.safetensors" in second.uploaded
    assert second.commit != first.commit


def test_two_accounts_make_one_model(request_: TrainRequest, folder: Path) -> None:
    other = write_archive(folder / "b.zip", posts(200, seed=5), handle="Gull", name="Gull & Co")
    published = go(replace(request_, sources=(*request_.sources, str(other))))
    assert published.repo_id == "me/fogwatch-gull"
    readme = (folder / "models/fogwatch-gull/README.md").read_text()
    assert "AI CYBORG" in readme
    assert "| Data | Fog Watch 🌫️ | Gull &#38; Co |" in readme
    with pytest.raises(UsageError, match="same posts"):
        go(replace(request_, sources=request_.sources * 2))


def test_a_pretrained_base(request_: TrainRequest, folder: Path, tiny_gpt2: Path) -> None:
    published = go(replace(request_, base=str(tiny_gpt2), name="tuned"))
    card = published.model.card
    assert card.evaluation is not None
    assert card.evaluation.base_loss is not None
    assert card.evaluation.test_loss < card.evaluation.base_loss
    # Where the base lies on this machine is nobody's business.
    for file in ("README.md", "run.json", "config.json", "tokenizer_config.json"):
        assert str(tiny_gpt2.parent) not in (folder / "models/tuned" / file).read_text()


def test_the_record_holds_digests_and_no_posts(request_: TrainRequest, folder: Path) -> None:
    go(request_)
    text = (folder / "models/fogwatch/run.json").read_text()
    record = read_record(text.encode())
    assert set(record["files"]) >= {"model.safetensors", "tokenizer.json", "predictions.png"}
    assert record["settings"]["seed"] == 1
    assert not [post for post in posts(300) if post in text]
    assert str(folder) not in text


def test_a_real_account(request_: TrainRequest, shared_data: Path) -> None:
    source = shared_data / "csv" / "BarackObama_538.csv"
    published = go(replace(request_, sources=(str(source),)))
    assert published.repo_id == "me/barackobama"
    (account,) = published.model.card.accounts
    assert account.posts is not None
    assert account.posts.downloaded == 3207
    assert published.model.card.predictions


# Edits of people


def test_a_card_that_a_person_edited_stays(request_: TrainRequest, folder: Path) -> None:
    go(request_)
    file = folder / "cards/fogwatch.toml"
    card = load_card(file)
    save_card(replace(card, predictions=card.predictions[:1], tags=("fog",)), file)
    published = go(request_)
    assert published.uploaded == ("README.md",)
    assert load_card(file).predictions == card.predictions[:1]
    retrained = go(replace(request_, seed=3))
    assert retrained.model.card.tags == ("fog",)
    assert len(retrained.model.card.predictions) > 1


@pytest.mark.parametrize("name", ["README.md", "config.json", "run.json", "model.safetensors"])
def test_an_edit_on_the_hub_is_never_overwritten(
    name: str, request_: TrainRequest, folder: Path
) -> None:
    go(request_)
    edit = b"somebody's own work " * 10
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.upload_file(path_or_fileobj=edit, path_in_repo=name, repo_id="me/fogwatch")
        head = api.model_info("me/fogwatch").sha
    with pytest.raises(ConflictError, match=rf"me/fogwatch: .*{name}"):
        go(replace(request_, seed=2))
    with serving(folder / "hub") as endpoint:
        assert HfApi(endpoint, token=False).model_info("me/fogwatch").sha == head


def test_files_that_others_added_stay(request_: TrainRequest, folder: Path) -> None:
    go(request_)
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.upload_file(path_or_fileobj=b"x", path_in_repo="notes.md", repo_id="me/fogwatch")
    (folder / "models/fogwatch/mine.txt").write_text("keep")
    go(replace(request_, seed=2))
    with serving(folder / "hub") as endpoint:
        assert "notes.md" in HfApi(endpoint, token=False).list_repo_files("me/fogwatch")
    assert (folder / "models/fogwatch/mine.txt").read_text() == "keep"


def test_a_repository_of_someone_else_is_a_conflict(request_: TrainRequest, folder: Path) -> None:
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.create_repo("me/fogwatch")
        api.upload_file(path_or_fileobj=b"# Hi", path_in_repo="README.md", repo_id="me/fogwatch")
    with pytest.raises(ConflictError) as caught:
        go(request_)
    assert caught.value.where == "me/fogwatch"
    assert "README.md" in caught.value.what


def test_a_readme_that_was_edited_here_is_not_overwritten(
    request_: TrainRequest, folder: Path
) -> None:
    go(request_)
    readme = folder / "models/fogwatch/README.md"
    readme.write_text("my own words")
    with pytest.raises(ConflictError, match=r"cards/fogwatch.md"):
        go(request_)
    assert readme.read_text() == "my own words"


# Who may


def test_tokens_and_namespaces(
    request_: TrainRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = Access(user="ada", orgs=("quays",), token="hub-token-for-tests")
    with serving(folder / "hub", access=access) as endpoint:
        with pytest.raises(AccessError, match="not logged in"):
            go(request_, endpoint)
        monkeypatch.setenv("HF_TOKEN", "a-wrong-token")
        with pytest.raises(AccessError) as caught:
            go(request_, endpoint)
        assert "a-wrong-token" not in str(caught.value)
        assert not (folder / "models").exists(), "nobody trains for a token that will not do"
        monkeypatch.setenv("HF_TOKEN", "hub-token-for-tests")
        with pytest.raises(AccessError, match=r"ada may not publish to 'elsewhere'.*ada, quays"):
            go(request_, endpoint, "elsewhere")
        assert go(request_, endpoint).repo_id == "ada/fogwatch"
        assert go(request_, endpoint, "quays").repo_id == "quays/fogwatch"


@pytest.mark.parametrize("namespace", ["../x", "a b", "", "a--b"])
def test_a_namespace_that_is_none(namespace: str, request_: TrainRequest) -> None:
    with pytest.raises(UsageError):
        go(request_, namespace=namespace)


def test_the_deny_list_stops_an_account(request_: TrainRequest, folder: Path) -> None:
    (folder / "deny.txt").write_text("# asked us\nx:FogWatch\n")
    project = Project(folder, Config(consent=ConsentConfig(deny="deny.txt")))
    with pytest.raises(PolicyError, match="@fogwatch is on the deny list"):
        request = PublishRequest(train=replace(request_, project=project))
        publish(request, Reporter(), CancelToken())
    assert not (folder / "models").exists()


def test_too_few_posts_are_refused(request_: TrainRequest, folder: Path) -> None:
    few = write_archive(folder / "few.zip", posts(20))
    with pytest.raises(PolicyError, match=r"20 .*6,?000"):
        go(replace(request_, sources=(str(few),)))
    assert sorted(p.name for p in folder.iterdir()) == ["archive.zip", "few.zip", "tiny.toml"]


# Interruptions


def test_a_hub_that_is_away_costs_no_second_training(
    request_: TrainRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "any")
    with pytest.raises(HubUnavailableError):
        go(request_, "http://127.0.0.1:9")
    stamp = (folder / "models/fogwatch/model.safetensors").stat().st_mtime_ns
    with serving(folder / "hub") as endpoint:
        assert go(request_, endpoint).uploaded
    assert (folder / "models/fogwatch/model.safetensors").stat().st_mtime_ns == stamp


def test_a_kill_between_training_and_pictures(
    request_: TrainRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubtools.services import model_folder as steps
    from hubtools.training import run

    def killed(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "draw_pictures", killed)
        with pytest.raises(SystemExit):
            go(request_)
    assert not (folder / "models/fogwatch").exists()
    monkeypatch.setattr(run, "Trainer", killed)
    assert go(request_).uploaded
    left = sorted(path.name for path in (folder / "models").iterdir())
    assert left == ["fogwatch", "fogwatch.log.jsonl"]


def start(folder: Path) -> subprocess.Popen[str]:
    arguments = ["publish", "archive.zip", "--base", "scratch", "--recipe", "long.toml"]
    return subprocess.Popen(
        [sys.executable, "-m", "hubtools", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_ctrl_c_in_training_and_on_again(request_: TrainRequest, folder: Path) -> None:
    write_recipe(folder / "long.toml", epochs=40)
    process = start(folder)
    wait_for((folder / "models/.fogwatch.part/key").exists, process)
    time.sleep(4)  # somewhere in the imports or the training: both must hold
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130, error
    assert error.splitlines()[-1].startswith("Interrupted.")
    assert "Traceback" not in error
    assert not (folder / "models/fogwatch").exists()
    resumed = go(replace(request_, recipe="long.toml", seed=42))
    shutil.rmtree(folder / "models")
    whole = go(replace(request_, recipe="long.toml", seed=42))
    assert "model.safetensors" not in whole.uploaded
    assert resumed.model.card == whole.model.card


def test_kill_9_leaves_nothing_half_made(request_: TrainRequest, folder: Path) -> None:
    write_recipe(folder / "long.toml", epochs=40)
    process = start(folder)
    wait_for((folder / "models/.fogwatch.part/key").exists, process)
    time.sleep(3)
    process.kill()
    process.communicate()
    assert not (folder / "cards").exists()
    assert not (folder / "models/fogwatch").exists()
    result = command(
        "publish", "archive.zip", "--base", "scratch", "--recipe", "long.toml", "--json", cwd=folder
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert set(document) == {
        "repo", "url", "folder", "posts", "training", "evaluation", "predictions", "commit"
    }  # fmt: skip
    assert document["posts"] == {"downloaded": 300, "reposts": 0, "dropped": 0, "kept": 300}
    left = sorted(path.name for path in (folder / "models").iterdir())
    assert left == ["fogwatch", "fogwatch.log.jsonl"]


def test_a_base_that_is_not_there_leaves_nothing(request_: TrainRequest, folder: Path) -> None:
    with pytest.raises(ModelError) as raised:
        go(replace(request_, base="./gone"))
    assert raised.value.where == "./gone"
    assert not (folder / "cards").exists()
    assert not (folder / "hub").exists()
