"""The log that every training keeps, and trackers that are told the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hubtools.core.config import Project
from hubtools.core.errors import MissingExtraError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.run_record import read_record
from hubtools.services.forget import forget
from hubtools.services.train import Made, TrainRequest, train_model
from tests.makers import command, write_archive, write_recipe

CHOOSING = "\n[early_stopping]\nval_fraction = 0.1\nmin_delta = 0.0\ndecay_ratio = 0.5\n"


class Notes(Reporter):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def make(folder: Path, track: str | None = None, notes: Notes | None = None) -> Made:
    recipe = write_recipe(folder / "tiny.toml", epochs=3)
    recipe.write_text(recipe.read_text() + CHOOSING)
    request = TrainRequest(
        sources=(str(write_archive(folder / "archive.zip")),), base="scratch",
        prompt="My dream is", seed=1, recipe=str(recipe), name="fog", track=track,
    )  # fmt: skip
    return train_model(request, None, Project(folder), notes or Reporter())


def test_a_training_keeps_its_log_beside_its_folder(folder: Path) -> None:
    made = make(folder)
    lines = [json.loads(line) for line in (folder / "models/fog.log.jsonl").open()]
    steps = [line for line in lines if "loss" in line]
    training = made.card.training
    assert training is not None
    assert [line["step"] for line in steps] == list(range(1, training.steps + 1))
    looked = [line["held_out_loss"] for line in lines if "held_out_loss" in line]
    record = read_record((folder / "models/fog/run.json").read_bytes())
    history = record["run"]["history"]
    assert looked == [p["held_out"] for p in history if p["held_out"] is not None]
    assert history[-1]["step"] == training.steps
    assert set(history[0]) == {"epochs", "step", "learning_rate", "loss", "held_out"}
    assert (training.best_epoch, training.val_posts) == (len(looked) - 1, 27)
    assert "fog.log.jsonl" not in made.folder.files


class FakeRun:
    url = "https://tracker.example/runs/1"


class FakeTracker(ModuleType):
    """A tracker with the functions that both have, failing from the `fails`th call of log on."""

    def __init__(self, fails: int) -> None:
        super().__init__("wandb")
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
    notes = Notes()
    made = make(folder, "wandb", notes)
    assert made.card.training is not None
    assert len(tracker.logged) == 3
    (said,) = [note for note in notes.said if "wandb" in note]
    assert said == "wandb failed and is not told any more: the tracker is away"
    assert made.card.runs == ()


def test_wandb_offline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    notes = Notes()
    made = make(folder, "wandb", notes)
    assert not [note for note in notes.said if "failed" in note]
    assert list((folder / "wandb").glob("offline-run-*/*.wandb"))
    assert made.card.runs == ()


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
    with pytest.raises(UsageError, match="Known: trackio, wandb"):
        make(folder, "tensorboard")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"hubtools\[wandb\]"):
        make(folder, "wandb")
    assert not (folder / "models").exists()


def test_forgetting_an_account_removes_its_log_too(folder: Path) -> None:
    make(folder)
    log = folder / "models/fog.log.jsonl"
    assert log in forget("x:fogwatch", Project(folder), folder / "no-cache").found
    assert not log.exists()
