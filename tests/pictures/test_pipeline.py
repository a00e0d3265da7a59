"""The pipeline picture: all that is known is on it, what is not known is simply not there."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from PIL import Image
from pytest_regressions.data_regression import DataRegressionFixture
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.pictures.pipeline import draw_pipeline
from hubtools.pictures.theme import DARK, LIGHT, Theme
from hubtools.pictures.types import Picture, Pipeline, PipelineSource
from tests.pictures.tiles import assert_same_tiles

HARBOUR = PipelineSource(
    name="Harbour Log ⚓", handle="harbourlog", downloaded=10412, kept=8642, digest="1f3a" * 16
)
FULL = Pipeline(
    repo_id="hubtools/harbour-log",
    sources=(HARBOUR,),
    posts=8230,
    test_posts=412,
    recipe="gentle",
    epochs=3,
    steps=1204,
    base_model="distilbert/distilgpt2",
    base_commit="2290a626" * 5,
    parameters=81_912_576,
    test_loss=3.1234,
    bits_per_byte=1.0449,
    weights="5e2d" * 16,
)
KNOWN: dict[str, Any] = {field.name: getattr(FULL, field.name) for field in fields(FULL)}
FLEET = replace(
    FULL,
    repo_id="hubtools-organisation/harbour-log-ferry-times-gull-with-opinions-tide-table",
    sources=tuple(
        PipelineSource(handle=f"pier_{number}", downloaded=100 * number, kept=90 * number)
        for number in range(1, 41)
    ),
)
SPARSE = Pipeline(repo_id="hubtools/harbour-log")


def words(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.layout if mark.kind == "text"]


def assert_inside(picture: Picture) -> None:
    for mark in picture.layout:
        assert mark.left >= 0 and mark.top >= 0, mark
        assert mark.left + mark.width <= 1200 and mark.top + mark.height <= 480, mark


@pytest.mark.parametrize(
    ("name", "pipeline"), [("full", FULL), ("fleet", FLEET), ("sparse", SPARSE)],
    ids=["full", "fleet", "sparse"],
)  # fmt: skip
def test_layout(name: str, pipeline: Pipeline, data_regression: DataRegressionFixture) -> None:
    picture = draw_pipeline(pipeline)
    image = Image.open(io.BytesIO(picture.png))
    assert (image.format, image.size, image.mode) == ("PNG", (1200, 480), "P")
    assert len(picture.png) < 60 * 1024
    assert_inside(picture)
    marks = [asdict(mark) for mark in picture.layout]
    data_regression.check({"layout": marks}, basename=f"pipeline_{name}")


def test_all_that_is_known_is_shown() -> None:
    shown = words(draw_pipeline(FULL))
    for text in (
        "@harbourlog", "10,412 → 8,642", "downloaded → kept", "8,230 train", "412 test",
        "gentle", "3 epochs", "1,204 steps", "distilbert/", "distilgpt2", "81.9 M parameters",
        "commit 2290a62622",
        "loss 3.12", "1.04 bits per byte", "hubtools/", "harbour-log",
        "sha256 1f3a1f3a1f", "sha256 5e2d5e2d5e",
    ):  # fmt: skip
        assert text in shown


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("posts", "8,230 train"),
        ("test_posts", "412 test"),
        ("recipe", "gentle"),
        ("epochs", "3 epochs"),
        ("steps", "1,204 steps"),
        ("base_model", "distilgpt2"),
        ("parameters", "81.9 M parameters"),
        ("base_commit", "commit 2290a62622"),
        ("test_loss", "loss 3.12"),
        ("bits_per_byte", "1.04 bits per byte"),
        ("weights", "sha256 5e2d5e2d5e"),
    ],
)
def test_what_is_not_known_is_absent(field: str, gone: str) -> None:
    picture = draw_pipeline(Pipeline(**{**KNOWN, field: None}))
    assert set(words(draw_pipeline(FULL))) - set(words(picture)) >= {gone}
    assert "None" not in " ".join(words(picture))
    assert_inside(picture)


def test_an_evaluation_that_was_not_made_leaves_no_box() -> None:
    without = replace(FULL, test_loss=None, bits_per_byte=None)
    assert "TEST SPLIT" in words(draw_pipeline(FULL))
    assert "TEST SPLIT" not in words(draw_pipeline(without))


def test_base_model_alone_stands_in_the_row() -> None:
    picture = draw_pipeline(replace(SPARSE, base_model="gpt2"))
    assert "BASE MODEL" in words(picture) and "TRAINING" not in words(picture)


def test_from_scratch() -> None:
    picture = draw_pipeline(replace(FULL, base_model="scratch", parameters=3_400_000))
    assert {"from scratch", "3.4 M parameters"} <= set(words(picture))


@pytest.mark.parametrize(
    ("count", "said"),
    [(950, "950"), (999_999, "1 M"), (1_240_000_000, "1.24 B"), (124_439_808, "124 M")],
)
def test_parameters_in_three_digits(count: int, said: str) -> None:
    assert f"{said} parameters" in words(draw_pipeline(replace(FULL, parameters=count)))


def test_one_is_not_plural() -> None:
    assert {"1 epoch", "1 step"} <= set(words(draw_pipeline(replace(FULL, epochs=1, steps=1))))


def test_more_than_six_accounts_are_summed_up() -> None:
    shown = words(draw_pipeline(FLEET))
    assert "@pier_6" in shown and "@pier_7" not in shown
    assert "and 34 more" in shown
    assert "79,900 → 71,910" in shown


def test_unknown_counts_are_not_summed_up() -> None:
    sources = (*FLEET.sources[:-1], PipelineSource(handle="unknown"))
    assert "and 34 more" in words(draw_pipeline(replace(FLEET, sources=sources)))
    assert "79,900 → 71,910" not in words(draw_pipeline(replace(FLEET, sources=sources)))


def test_name_stands_in_for_a_handle() -> None:
    picture = draw_pipeline(replace(FULL, sources=(PipelineSource(name="Harbour \U000f1234 Log"),)))
    assert "Harbour Log" in words(picture)
    assert picture.left_out == ("\U000f1234",)


def test_a_chinese_name_has_chinese_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    named = replace(SPARSE, sources=(PipelineSource(name="骨直"),))
    chinese = draw_pipeline(named).png
    monkeypatch.setattr("hubtools.pictures.pipeline.han_language", lambda text: "ja")
    assert draw_pipeline(named).png != chinese


def test_digests_of_many_accounts_are_left_to_the_record() -> None:
    three = replace(FULL, sources=(HARBOUR,) * 3)
    assert "sha256 1f3a1f3a1f" not in words(draw_pipeline(three))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_picture(
    theme: Theme, request: pytest.FixtureRequest, file_regression: FileRegressionFixture
) -> None:
    file_regression.check(
        draw_pipeline(FULL, theme).png,
        basename=f"pipeline_{request.node.callspec.id}",
        extension=".png",
        binary=True,
        check_fn=assert_same_tiles,
    )


@pytest.mark.parametrize(
    "text", ["$x$ \\frac{1}{2}", "a\nb\x00", "W" * 900, "\u202eabc", "🚢", "", "/", "a/" * 300]
)
def test_hostile_text(text: str) -> None:
    source = PipelineSource(name=text, handle=text, downloaded=10**12, kept=10**12)
    pipeline = Pipeline(repo_id=text, sources=(source,) * 7, recipe=text, base_model=text)
    assert_inside(draw_pipeline(pipeline))


def test_same_bytes_again_and_in_another_process() -> None:
    png = draw_pipeline(FULL).png
    assert draw_pipeline(FULL).png == png
    program = (
        "import hashlib; from tests.pictures.test_pipeline import FULL, draw_pipeline;"
        "print(hashlib.sha256(draw_pipeline(FULL).png).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4321"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == hashlib.sha256(png).hexdigest()
