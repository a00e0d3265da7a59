"""The training curves: loss on the train and validation splits, and the learning rate, by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hubtools.pictures.drawing import Canvas, draw_logo
from hubtools.pictures.fonts import Weight
from hubtools.pictures.text_layout import TextStyle, measure
from hubtools.pictures.theme import LIGHT, Theme
from hubtools.pictures.types import CurvePoint, Picture

WIDTH, HEIGHT = 1200, 480
MARGIN = 48
LEFT, RIGHT = 112, 972
LOSS_TOP, LOSS_BOTTOM = 124, 326
RATE_TOP, RATE_BOTTOM = 362, 418
POINTS = 1000
"""Points drawn per curve: about one per pixel."""
HEADROOM = 0.06
"""Margin above and below the losses, as a fraction of their range."""
LABEL_PITCH = 28.0
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICK = 20  # px
_LEGEND = 22  # px


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    color: str
    values: tuple[tuple[float, float], ...]
    dots: bool = False


@dataclass(frozen=True, slots=True)
class _Frame:
    top: float
    bottom: float
    steps: tuple[float, float]
    values: tuple[float, float]

    def x(self, step: float) -> float:
        first, last = self.steps
        return LEFT + (RIGHT - LEFT) * (step - first) / (last - first)

    def y(self, value: float) -> float:
        low, high = self.values
        return self.bottom - (self.bottom - self.top) * (value - low) / (high - low)


def draw_curves(points: Sequence[CurvePoint], theme: Theme = LIGHT) -> Picture | None:
    """Draw both losses and the learning rate over the steps, 1200 × 480 px, as a PNG.

    Values that are not finite are left out. None when there is nothing to draw: fewer than two
    losses of either kind.
    """
    trained = _series("train loss", theme.accent, points, lambda point: point.train_loss)
    validated = _series("validation loss", theme.signal, points, lambda p: p.val_loss, dots=True)
    losses = [series for series in (trained, validated) if len(series.values) > 1]
    if not losses:
        return None
    canvas = Canvas(WIDTH, HEIGHT, theme)
    canvas.write("Training curves", TextStyle(Weight.BOLD, 36, theme.ink), MARGIN, 76)
    draw_logo(canvas, WIDTH - MARGIN - 120, 36)
    rate = _series("learning rate", theme.muted, points, lambda point: point.learning_rate)
    steps = _steps([*losses, rate])
    frame = _Frame(LOSS_TOP, LOSS_BOTTOM, steps, _around(losses))
    _draw_grid(canvas, frame, "loss, nats/token")
    for series in losses:
        _draw_series(canvas, frame, series)
    _draw_ends(canvas, frame, losses)
    if len(rate.values) > 1:
        _draw_rate(canvas, rate, steps)
    _draw_steps(canvas, points, steps, RATE_BOTTOM if len(rate.values) > 1 else LOSS_BOTTOM)
    return Picture(canvas.png(), (), tuple(canvas.marks))


def _series(
    name: str,
    color: str,
    points: Sequence[CurvePoint],
    value: Callable[[CurvePoint], float | None],
    *,
    dots: bool = False,
) -> _Series:
    known = [
        (float(point.step), found)
        for point in points
        if (found := value(point)) is not None and math.isfinite(found)
    ]
    every = -(-len(known) // POINTS) or 1
    return _Series(name, color, (*known[:-1:every], *known[-1:]), dots)


def _steps(series: Sequence[_Series]) -> tuple[float, float]:
    steps = [step for one in series for step, _ in one.values]
    return min(0.0, *steps), max(1.0, *steps)


def _around(series: Sequence[_Series]) -> tuple[float, float]:
    values = [value for one in series for _, value in one.values]
    low, high = min(values), max(values)
    margin = HEADROOM * (high - low) or 0.5
    return low - margin, high + margin


def ticks(low: float, high: float, most: int) -> list[float]:
    """Up to `most` round numbers between `low` and `high`, evenly spaced."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in NICE if power * nice >= rough)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _draw_grid(canvas: Canvas, frame: _Frame, name: str) -> None:
    theme = canvas.theme
    style = TextStyle(Weight.REGULAR, _TICK, theme.muted)
    found = ticks(*frame.values, most=5)
    digits = max(0, -math.floor(math.log10(found[1] - found[0]) + 1e-9)) if len(found) > 1 else 1
    for value in found:
        y = frame.y(value)
        canvas.box(LEFT, y - 0.75, RIGHT - LEFT, 1.5, theme.rule)
        text = _shown(value, digits)
        canvas.write(text, style, LEFT - 14 - measure(text, style), y + 7)
    canvas.write(name, TextStyle(Weight.BOLD, _TICK, theme.ink), MARGIN, frame.top - 8)


def _draw_series(canvas: Canvas, frame: _Frame, series: _Series) -> None:
    points = tuple((frame.x(step), frame.y(value)) for step, value in series.values)
    canvas.line(points, series.color, 4)
    if series.dots and len(points) <= 40:
        for x, y in points:
            canvas.box(x - 7, y - 7, 14, 14, canvas.theme.paper, radius=7)
            canvas.box(x - 5, y - 5, 10, 10, series.color, radius=5)


def _draw_ends(canvas: Canvas, frame: _Frame, losses: Sequence[_Series]) -> None:
    """Draw the name and last value of each curve beside its end, without overlap."""
    wanted = sorted(losses, key=lambda series: frame.y(series.values[-1][1]))
    ys = [frame.y(series.values[-1][1]) for series in wanted]
    if len(ys) == 2 and ys[1] - ys[0] < 2 * LABEL_PITCH:
        middle = min(max(sum(ys) / 2, frame.top + LABEL_PITCH), frame.bottom - LABEL_PITCH)
        ys = [middle - LABEL_PITCH, middle + LABEL_PITCH]
    for y, series in zip(ys, wanted, strict=True):
        value = _shown(series.values[-1][1], 2)
        canvas.write(value, TextStyle(Weight.BOLD, 28, series.color), RIGHT + 20, y + 2)
        name = TextStyle(Weight.REGULAR, 18, canvas.theme.muted)
        canvas.write(series.name, name, RIGHT + 20, y + 24)


def _shown(value: float, digits: int) -> str:
    """A number with `digits` decimals, or in scientific notation if it does not fit."""
    return f"{value:.{digits}f}" if digits < 4 and abs(value) < 1e5 else f"{value:.1e}"


def _draw_rate(canvas: Canvas, rate: _Series, steps: tuple[float, float]) -> None:
    theme = canvas.theme
    highest = max(value for _, value in rate.values)
    frame = _Frame(RATE_TOP, RATE_BOTTOM, steps, (0.0, highest * 1.1 or 1.0))
    canvas.box(LEFT, RATE_BOTTOM - 0.75, RIGHT - LEFT, 1.5, theme.rule)
    _draw_series(canvas, frame, rate)
    value = f"{highest:.1e}".replace("e-0", "e-")
    canvas.write(value, TextStyle(Weight.BOLD, _LEGEND, theme.muted), RIGHT + 20, 388)
    name = TextStyle(Weight.REGULAR, 18, theme.muted)
    canvas.write("peak learning rate", name, RIGHT + 20, 410)


def _draw_steps(
    canvas: Canvas, points: Sequence[CurvePoint], steps: tuple[float, float], bottom: float
) -> None:
    style = TextStyle(Weight.REGULAR, _TICK, canvas.theme.muted)
    baseline = bottom + 30
    last = f"{steps[1]:,.0f} steps"
    epochs = next((p.epoch for p in reversed(points) if p.epoch is not None), None)
    if epochs is not None:
        last += f", {round(epochs, 1):g} {'epoch' if epochs == 1 else 'epochs'}"
    canvas.write(f"{steps[0]:,.0f}", style, LEFT, baseline)
    canvas.write(last, style, RIGHT - measure(last, style), baseline)
