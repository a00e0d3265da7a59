"""Pictures from end to end: a trained model's folder, `predict --pictures`, from a Hub too."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import MissingExtraError
from hubtools.core.events import Reporter
from hubtools.core.run_record import sealed_record
from hubtools.localhub.server import serving
from hubtools.posts.live.avatars import AvatarFetcher
from hubtools.services import model_folder as folders
from hubtools.services.publish import PublishRequest, publish
from hubtools.services.thumbnail import (
    ThumbnailRequest,
    faces_of,
    prediction_tasks,
    thumbnail,
)
from hubtools.services.train import TrainRequest
from hubtools.training.checkpoint import HistoryPoint
from hubtools.training.run import TrainRecord
from tests.makers import command, posts, write_archive, write_recipe
from tests.pictures.difficult import made_up_avatar

HISTORY = tuple(
    HistoryPoint(
        epoch=step / 10,
        step=step,
        learning_rate=1e-3,
        train_loss=3 - step / 20,
        val_loss=3.5 - step / 30,
    )
    for step in range(0, 21, 5)
)


def request_in(folder: Path) -> TrainRequest:
    return TrainRequest(
        project=Project(folder),
        sources=(str(write_archive(folder / "archive.zip")),),
        base="scratch",
        prompt="My dream is",
        seed=1,
        recipe=str(write_recipe(folder / "tiny.toml")),
    )


def go(request: TrainRequest) -> None:
    publish(PublishRequest(train=request, to="local:hub"), Reporter(), CancelToken())


def with_history(monkeypatch: pytest.MonkeyPatch, history: tuple[Any, ...]) -> None:
    real = folders.run_training

    def run(*arguments: Any) -> TrainRecord:
        return replace(real(*arguments), history=history)

    monkeypatch.setattr(folders, "run_training", run)


def test_a_training_that_tells_how_it_went_has_a_picture_on_its_card(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_history(monkeypatch, HISTORY)
    go(request_in(folder))
    model = folder / "models/fogwatch"
    with Image.open(model / "training.png") as picture:
        assert (picture.size, picture.format) == ((1200, 480), "PNG")
    assert "](training.png)" in (model / "README.md").read_text()
    assert "curves = true" in (folder / "cards/fogwatch.toml").read_text()
    assert "training.png" in json.loads((model / "run.json").read_bytes())["files"]


def test_one_that_does_not_has_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_history(monkeypatch, ())
    go(request_in(folder))
    model = folder / "models/fogwatch"
    assert not (model / "training.png").exists()
    assert "training.png" not in (model / "README.md").read_text()
    assert "curves" not in (folder / "cards/fogwatch.toml").read_text()


def test_a_picture_that_the_source_only_names_is_fetched_and_kept_with_the_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(_: AvatarFetcher, url: str) -> bytes | None:
        asked.append(url)
        return made_up_avatar(4)

    monkeypatch.setattr(AvatarFetcher, "fetch", fetch)
    url = "https://pictures.example/fog.png"
    author = {"screen_name": "fogwatch", "name": "Fog", "profile_image_url_https": url}
    rows = [{"full_text": text, "user": author} for text in posts(300)]
    (folder / "posts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    go(replace(request_in(folder), sources=(str(folder / "posts.jsonl"),)))
    assert asked == [url]
    (avatar,) = (folder / "models").glob("*/avatar-1.png")
    with Image.open(avatar) as picture:
        assert picture.size == (184, 184)


def test_predictions_as_pictures_from_a_folder_and_from_a_hub(folder: Path) -> None:
    go(request_in(folder))
    asked = ("My dream is", "-n", "3", "--seed", "4", "--json", "--theme", "dark")
    done = command("predict", "models/fogwatch", *asked, "--pictures", "here", cwd=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["pictures"] == ["here/1.png", "here/2.png", "here/3.png"]
    assert len(said["predictions"]) == 3
    assert "Drew 3 pictures in here" in done.stderr
    with serving(folder / "hub") as endpoint:
        away = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache")}
        done = command("predict", "me/fogwatch", *asked, "--pictures", "away", cwd=folder, env=away)
    assert done.returncode == 0, done.stderr
    for name in ("1.png", "2.png", "3.png"):
        drawn = (folder / "here" / name).read_bytes()
        assert drawn == (folder / "away" / name).read_bytes()
        with Image.open(io.BytesIO(drawn)) as picture:
            assert picture.size == (1200, 628)
            assert picture.convert("L").getpixel((4, 4)) < 50  # type: ignore[operator]


@pytest.mark.parametrize("library", ["matplotlib", "PIL", "regex"])
def test_without_the_extra_it_is_named(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    request = ThumbnailRequest(project=Project(tmp_path))
    with pytest.raises(MissingExtraError) as caught:
        thumbnail(request, Reporter(), CancelToken())
    assert caught.value.extra == "pictures"


def test_services_import_without_the_libraries_that_draw() -> None:
    program = (
        "import sys; import hubtools.services.thumbnail;"
        "import hubtools.services.render_cards, hubtools.services.check_cards;"
        "assert not {'matplotlib', 'PIL', 'regex'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_faces_of_a_folder(tmp_path: Path) -> None:
    sources = [{"name": "Fog Watch 🌫️", "handle": "fogwatch"}, {"name": None, "handle": 7}, "what"]
    (tmp_path / "run.json").write_text(sealed_record({"sources": sources}))
    (tmp_path / "avatar-2.png").write_bytes(made_up_avatar(3))
    first, second = faces_of(str(tmp_path))
    assert (first.name, first.handle, first.avatar) == ("Fog Watch 🌫️", "fogwatch", None)
    assert (second.name, second.handle, second.avatar) == (None, None, made_up_avatar(3))


@pytest.mark.parametrize("record", [None, "{", '{"sources": [{"name": "forged"}]}'])
def test_a_model_that_is_not_ours_goes_by_its_name(tmp_path: Path, record: str | None) -> None:
    model = tmp_path / "gpt-of-someone"
    model.mkdir()
    if record is not None:
        (model / "run.json").write_text(record)
    (face,) = faces_of(str(model))
    assert (face.name, face.handle) == ("gpt-of-someone", None)


def test_names_of_many_pictures_sort_as_they_are_numbered(tmp_path: Path) -> None:
    files = [task.file.name for task in prediction_tasks(str(tmp_path), "", ["x"] * 12, tmp_path)]
    assert files[0] == "01.png" and files == sorted(files)
