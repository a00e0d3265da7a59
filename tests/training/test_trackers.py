"""The log that every training keeps, and trackers that are told the same."""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import MissingExtraError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.run_record import read_record
from hubtools.services.forget import ForgetRequest, forget
from hubtools.services.train import TrainedModel, TrainRequest, train
from hubtools.training import trackers
from hubtools.training.trackers import Metrics
from tests.makers import command, write_archive, write_recipe
from tests.training.runs import Recorder

CHOOSING = "\n[early_stopping]\nval_fraction = 0.1\nmin_delta = 0.0\ndecay_ratio = 0.5\n"


def make(
    folder: Path, tracker: str | None = None, recorder: Recorder | None = None
) -> TrainedModel:
    recipe = write_recipe(folder / "tiny.toml", epochs=3)
    recipe.write_text(recipe.read_text() + CHOOSING)
    request = TrainRequest(
        project=Project(folder),
        sources=(str(write_archive(folder / "archive.zip")),), base="scratch",
        prompt="My dream is", seed=1, recipe=str(recipe), name="fog", tracker=tracker,
    )  # fmt: skip
    return train(request, Reporter((recorder,)) if recorder else Reporter(), CancelToken())


def test_a_training_keeps_its_log_beside_its_folder(folder: Path) -> None:
    made = make(folder)
    lines = [json.loads(line) for line in (folder / "models/fog.log.jsonl").open()]
    steps = [line for line in lines if "train_loss" in line]
    training = made.card.training
    assert training is not None
    assert [line["step"] for line in steps] == list(range(1, training.steps + 1))
    val_losses = [line["val_loss"] for line in lines if "val_loss" in line]
    assert {line["epoch"] for line in lines if "val_loss" in line} == {0.0, 1.0, 2.0}
    record = read_record((folder / "models/fog/run.json").read_bytes())
    history = record["run"]["history"]
    assert val_losses == [p["val_loss"] for p in history if p["val_loss"] is not None]
    assert history[-1]["step"] == training.steps
    assert set(history[0]) == {"epoch", "step", "learning_rate", "train_loss", "val_loss"}
    assert (training.stable_epochs, training.val_posts) == (len(val_losses) - 1, 27)
    assert training.val_loss == val_losses[-1]
    evaluation = made.card.evaluation
    assert evaluation is not None and evaluation.perplexity is not None
    assert lines[-1]["test_loss"] == evaluation.test_loss
    assert lines[-1]["perplexity"] == evaluation.perplexity
    assert lines[-1]["step"] == training.steps
    assert "fog.log.jsonl" not in made.folder.files


class FakeRun:
    url = "https://tracker.example/runs/1"


class FakeTracker(ModuleType):
    """A tracker with the functions that both have, failing from the `fails`th call of log on."""

    def __init__(self, fails: int) -> None:
        super().__init__("wandb")
        self.__spec__ = ModuleSpec("wandb", None)
        self.fails, self.logged = fails, []

    def init(self, **said: Any) -> FakeRun:
        self.said = said
        return FakeRun()

    def log(self, numbers: dict[str, Any], step: int) -> None:
        self.logged.append((step, numbers))
        if len(self.logged) >= self.fails:
            raise ConnectionError("the tracker\nis away")

    def finish(self) -> None: ...


def test_a_tracker_is_told_and_its_address_is_on_the_card(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = FakeTracker(10_000)
    monkeypatch.setitem(sys.modules, "wandb", tracker)
    made = make(folder, "wandb")
    assert made.card.training is not None
    assert tracker.logged[-1][0] == made.card.training.steps
    assert tracker.logged[-1][1]["bits_per_byte"] == made.card.evaluation.bits_per_byte
    assert tracker.said["config"]["seed"] == 1
    (run,) = made.card.runs
    assert (run.kind, run.url) == ("training", "https://tracker.example/runs/1")


def test_a_tracker_that_fails_fails_no_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = FakeTracker(3)
    monkeypatch.setitem(sys.modules, "wandb", tracker)
    recorder = Recorder()
    made = make(folder, "wandb", recorder)
    assert made.card.training is not None
    assert len(tracker.logged) == 3
    (warning,) = [one for one in recorder.warnings if one.code == "tracker_failed"]
    assert "the tracker is away" in warning.text
    assert made.card.runs == ()


class ThirdParty:
    """A tracker of another package."""

    def __init__(self, name: str, config: Metrics) -> None:
        self.name, self.config = name, config
        self.logged: list[dict[str, Any]] = []
        self.summarized: dict[str, Any] = {}
        opened.append(self)

    def log(self, metrics: Metrics, step: int) -> None:
        self.logged.append({"step": step, **metrics})

    def summary(self, metrics: Metrics, step: int) -> None:
        self.summarized = {"step": step, **metrics}

    def finish(self) -> str:
        return "https://third.example/fog"


opened: list[ThirdParty] = []


def test_a_tracker_of_another_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("third", "tests.training.test_trackers:ThirdParty", "hubtools.trackers")
    opened.clear()

    def registered(group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "hubtools.trackers"
        return [entry] if name in (None, "third") else []

    monkeypatch.setattr(trackers, "entry_points", registered)
    made = make(folder, "third")
    (tracker,) = opened
    assert (tracker.name, tracker.config["seed"]) == ("fog", 1)
    assert {"step", "train_loss", "learning_rate"} in [set(line) for line in tracker.logged]
    assert {"step", "epoch", "val_loss"} in [set(line) for line in tracker.logged]
    assert made.card.evaluation is not None
    assert tracker.summarized["test_loss"] == made.card.evaluation.test_loss
    (run,) = made.card.runs
    assert run.url == "https://third.example/fog"
    with pytest.raises(UsageError) as caught:
        make(folder, "fourth")
    assert "third, trackio, wandb" in (caught.value.fix or "")


def test_wandb_offline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    recorder = Recorder()
    made = make(folder, "wandb", recorder)
    assert "tracker_failed" not in [warning.code for warning in recorder.warnings]
    assert list((folder / "wandb").glob("offline-run-*/*.wandb"))
    assert made.card.runs == ()


@pytest.mark.slow
def test_trackio_offline(folder: Path) -> None:
    """In a process of its own, since trackio reads its folder when it is first imported."""
    archive = write_archive(folder / "archive.zip")
    recipe = write_recipe(folder / "tiny.toml")
    done = command(
        "train", archive, "--out", "out", "--base", "scratch", "--recipe", recipe,
        "--track", "trackio", "--json", cwd=folder, env={"TRACKIO_DIR": str(folder / "trackio")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert "failed" not in done.stderr
    assert list((folder / "trackio").rglob("*.db"))


def test_a_tracker_that_is_not_there_says_so_before_anything_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as caught:
        make(folder, "tensorboard")
    assert "trackio, wandb" in (caught.value.fix or "")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError):
        make(folder, "wandb")
    assert not (folder / "models").exists()


def test_forgetting_an_account_removes_its_log_too(folder: Path) -> None:
    make(folder)
    log = folder / "models/fog.log.jsonl"
    request = ForgetRequest(
        project=Project(folder), account="x:fogwatch", cache=folder / "no-cache"
    )
    assert log in forget(request, Reporter(), CancelToken()).found
    assert not log.exists()
