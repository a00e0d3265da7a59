"""Training curves: what is known is drawn, and nothing is made up."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from PIL import Image
from pytest_regressions.data_regression import DataRegressionFixture
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.pictures.curves import draw_curves, ticks
from hubtools.pictures.theme import DARK, LIGHT, Theme
from hubtools.pictures.types import CurvePoint, Picture
from tests.pictures.tiles import assert_same_tiles

STEPS = 1200
POINTS = tuple(
    CurvePoint(
        step=step,
        train_loss=2.6 + 1.6 * math.exp(-step / 200) if step else None,
        val_loss=3.05 + 1.5 * math.exp(-step / 180) if step % 300 == 0 else None,
        learning_rate=3e-4 * min(1, step / 100) * (1 + math.cos(math.pi * step / STEPS)) / 2,
        epoch=step / 400,
    )
    for step in range(0, STEPS + 1, 50)
)


def drawn(points: tuple[CurvePoint, ...], theme: Theme = LIGHT) -> Picture:
    picture = draw_curves(points, theme)
    assert picture is not None
    for mark in picture.layout:
        assert mark.left >= 0 and mark.top >= 0, mark
        assert mark.left + mark.width <= 1200 and mark.top + mark.height <= 480, mark
    return picture


def words(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.layout if mark.kind == "text"]


def test_layout(data_regression: DataRegressionFixture) -> None:
    picture = drawn(POINTS)
    image = Image.open(io.BytesIO(picture.png))
    assert (image.format, image.size, image.mode) == ("PNG", (1200, 480), "P")
    assert len(picture.png) < 30 * 1024
    assert draw_curves(POINTS).png == picture.png  # type: ignore[union-attr]
    data_regression.check({"layout": [asdict(mark) for mark in picture.layout]})


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_picture(
    theme: Theme, request: pytest.FixtureRequest, file_regression: FileRegressionFixture
) -> None:
    file_regression.check(
        drawn(POINTS, theme).png,
        basename=f"curves_{request.node.callspec.id}",
        extension=".png",
        binary=True,
        check_fn=assert_same_tiles,
    )


def test_what_it_says_stays_inside_the_margin() -> None:
    assert max(mark.left + mark.width for mark in drawn(POINTS).layout) <= 1152


def test_last_values_and_extent_are_named() -> None:
    shown = words(drawn(POINTS))
    assert {"2.60", "3.05", "2.9e-4", "1,200 steps, 3 epochs"} <= set(shown)


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("train_loss", "train loss"),
        ("val_loss", "validation loss"),
        ("learning_rate", "peak learning rate"),
    ],
)
def test_what_is_not_known_is_not_drawn(field: str, gone: str) -> None:
    changes: dict[str, Any] = {field: None}
    assert gone in words(drawn(POINTS))
    assert gone not in words(drawn(tuple(replace(point, **changes) for point in POINTS)))


@pytest.mark.parametrize(
    "points",
    [
        (),
        (CurvePoint(step=0),),
        (CurvePoint(step=1, train_loss=2.0),),
        tuple(CurvePoint(step=step, learning_rate=0.1) for step in range(9)),
    ],
    ids=["none", "empty", "one", "rate"],
)
def test_nothing_to_see_is_no_picture(points: tuple[CurvePoint, ...]) -> None:
    assert draw_curves(points) is None


@pytest.mark.parametrize(
    "losses",
    [(2.0, 2.0), (0.0, 0.0, 0.0), (1e-9, 2e-9), (9e9, 1e9), (3.0, 1.0, 9.0), (-1.0, 1.0)],
)
def test_any_losses_fit(losses: tuple[float, ...]) -> None:
    drawn(
        tuple(
            CurvePoint(step=i, train_loss=loss, learning_rate=0.0) for i, loss in enumerate(losses)
        )
    )


def test_a_long_history_is_thinned() -> None:
    points = tuple(CurvePoint(step=step, train_loss=1 / (step + 1)) for step in range(50_000))
    assert "49,999 steps" in words(drawn(points))


def test_lines_do_not_hide_each_others_ends() -> None:
    close = tuple(CurvePoint(step=s, train_loss=3 - s / 9, val_loss=3.01 - s / 9) for s in range(9))
    marks = {mark.text: mark for mark in drawn(close).layout}
    one, two = marks["train loss"], marks["validation loss"]
    assert abs(one.top - two.top) >= 50


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_losses_that_are_not_finite_are_left_out(value: float) -> None:
    def points(last: float | None) -> tuple[CurvePoint, ...]:
        losses = (3.0, 2.5, last)
        return tuple(CurvePoint(step=step, train_loss=loss) for step, loss in enumerate(losses))

    assert drawn(points(value)).png == drawn(points(None)).png


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(2.5, 4.6, [2.5, 3.0, 3.5, 4.0, 4.5]), (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
     (1, 1000, [200, 400, 600, 800, 1000])],
)  # fmt: skip
def test_ticks(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high, most=5) == pytest.approx(found)
