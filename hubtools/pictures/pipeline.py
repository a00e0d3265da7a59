"""The pipeline picture: how one model came from posts to the Hub, as boxes and arrows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from hubtools.pictures.drawing import Canvas, draw_logo
from hubtools.pictures.fonts import Weight
from hubtools.pictures.line_breaking import fitted, han_language, wrap
from hubtools.pictures.text_layout import TextCleaner, TextStyle, measure, measuring, tracked
from hubtools.pictures.theme import LIGHT, Theme
from hubtools.pictures.types import Picture, Pipeline, PipelineSource

WIDTH, HEIGHT = 1200, 480
MARGIN = 48
GAP = 40
TOP, BOTTOM = 112, 440
PADDING = 20
PITCH, NOTE_PITCH = 31, 25
HEAD, FOOT = 36, 20
LISTED = 6
LARGEST_SCALE = 1.6
"""Of the boxes, when there are few."""
DIGESTS = 2
"""Number of accounts up to which digests are shown."""
DIGEST_LENGTH = 10  # hexadecimal digits
READ = 200
"""Characters of each text that are read."""
SCRATCH = "scratch"
SOURCES = "SOURCES"
ARROW = " → "
FLOW = f"downloaded{ARROW}kept"


class RowStyle(Enum):
    """The style of a line in a box: weight, size in px, and whether it is muted."""

    VALUE = (Weight.BOLD, 24, False)
    DETAIL = (Weight.REGULAR, 21, True)
    NAME = (Weight.REGULAR, 22, False)
    COUNT = (Weight.REGULAR, 20, True)
    NOTE = (Weight.REGULAR, 17, True)

    @property
    def plain(self) -> TextStyle:
        return TextStyle(self.value[0], self.value[1])

    def styled(self, theme: Theme, dark: bool) -> TextStyle:
        """The style for drawing on a box that is `dark` or not."""
        weight, size, muted = self.value
        ink = (theme.band_muted if muted else theme.band_ink) if dark else ""
        return TextStyle(weight, size, ink or (theme.muted if muted else theme.ink))


@dataclass(frozen=True, slots=True)
class _BoxRow:
    """A line in a box, with a count at its right end."""

    text: str
    style: RowStyle
    count: str = ""

    @property
    def pitch(self) -> int:
        """Distance from the previous baseline; notes are closer to the line they belong to."""
        return NOTE_PITCH if self.style is RowStyle.NOTE else PITCH


@dataclass(frozen=True, slots=True)
class _Box:
    label: str
    rows: tuple[_BoxRow, ...]
    note: str = ""
    dark: bool = False

    @property
    def height(self) -> float:
        return HEAD + sum(row.pitch for row in self.rows) + FOOT


@dataclass(frozen=True, slots=True)
class _Stage:
    """A step: a box, its preferred width in px, and a box above that feeds it."""

    box: _Box
    width: float
    above: _Box | None = None


def draw_pipeline(pipeline: Pipeline, theme: Theme = LIGHT) -> Picture:
    """Draw a picture of 1200 × 480 px, as a PNG with a palette.

    Six accounts are listed; the others are summed up. Characters that no font has are left out and
    listed in the result.
    """
    cleaner = TextCleaner(READ)
    canvas = Canvas(WIDTH, HEIGHT, theme)
    canvas.write("How this model was made", TextStyle(Weight.BOLD, 36, theme.ink), MARGIN, 76)
    draw_logo(canvas, WIDTH - MARGIN - 120, 36)
    stages = [
        _sources(pipeline, cleaner),
        _corpus(pipeline),
        _training(pipeline, cleaner),
        _hub(pipeline, cleaner),
    ]
    _draw_stages(canvas, [stage for stage in stages if stage.box.rows])
    return Picture(canvas.png(), cleaner.left_out, tuple(canvas.marks))


def _sources(pipeline: Pipeline, cleaner: TextCleaner) -> _Stage:
    few = len(pipeline.sources) <= DIGESTS
    rows = [row for source in pipeline.sources[:LISTED] for row in _source(source, few, cleaner)]
    others = pipeline.sources[LISTED:]
    if others:
        downloaded = _total([source.downloaded for source in others])
        kept = _total([source.kept for source in others])
        rows.append(_BoxRow(f"and {len(others):,} more", RowStyle.NAME, _counts(downloaded, kept)))
    note = FLOW if any(ARROW in row.count for row in rows) else ""
    return _Stage(_Box(SOURCES, tuple(rows), note), 340)


def _source(source: PipelineSource, few: bool, cleaner: TextCleaner) -> list[_BoxRow]:
    handle = cleaner.clean(source.handle or "").strip().lstrip("@").strip()
    name = cleaner.clean(source.name or "").strip()
    title = f"@{handle}" if handle else name
    counts = _counts(source.downloaded, source.kept)
    if not title and not counts:
        return []
    digest = [_digest(source.digest)] if few and source.digest else []
    return [_BoxRow(title, RowStyle.NAME, counts), *digest]


def _digest(digest: str) -> _BoxRow:
    return _BoxRow(f"sha256 {digest[:DIGEST_LENGTH]}", RowStyle.NOTE)


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _counts(downloaded: int | None, kept: int | None) -> str:
    return ARROW.join(f"{count:,}" for count in (downloaded, kept) if count is not None)


def _corpus(pipeline: Pipeline) -> _Stage:
    facts = _known(("{:,} train", pipeline.posts), ("{:,} test", pipeline.test_posts))
    return _Stage(_Box("CORPUS", _rows(facts)), 188)


def _training(pipeline: Pipeline, cleaner: TextCleaner) -> _Stage:
    recipe = cleaner.clean(pipeline.recipe or "").strip()
    epochs = "{:,} epoch" if pipeline.epochs == 1 else "{:,} epochs"
    steps = "{:,} step" if pipeline.steps == 1 else "{:,} steps"
    facts = _known((epochs, pipeline.epochs), (steps, pipeline.steps))
    rows = _rows([recipe, *facts] if recipe else facts)
    base = _Box("BASE MODEL", _base(pipeline, cleaner))
    if not rows:
        return _Stage(base, 224)
    return _Stage(_Box("TRAINING", rows), 224, base if base.rows else None)


def _base(pipeline: Pipeline, cleaner: TextCleaner) -> tuple[_BoxRow, ...]:
    base = cleaner.clean(pipeline.base_model or "").strip()
    name = ["from scratch"] if base == SCRATCH else _id_lines(base, 224 - 2 * PADDING, 2)
    rows = [_BoxRow(line, RowStyle.VALUE) for line in name]
    if pipeline.parameters is not None:
        style = RowStyle.DETAIL if rows else RowStyle.VALUE
        rows.append(_BoxRow(f"{_short(pipeline.parameters)} parameters", style))
    if rows and pipeline.base_commit:
        rows.append(_BoxRow(f"commit {pipeline.base_commit[:DIGEST_LENGTH]}", RowStyle.NOTE))
    return tuple(rows)


def _hub(pipeline: Pipeline, cleaner: TextCleaner) -> _Stage:
    lines = _id_lines(cleaner.clean(pipeline.repo_id).strip(), 250 - 2 * PADDING, 3)
    rows = [_BoxRow(line, RowStyle.VALUE) for line in lines or [""]]
    if pipeline.weights:
        rows.append(_digest(pipeline.weights))
    facts = _known(
        ("loss {:.2f}", pipeline.test_loss), ("{:.2f} bits per byte", pipeline.bits_per_byte)
    )
    box = _Box("ON THE HUB", tuple(rows), dark=True)
    return _Stage(box, 250, _Box("TEST SPLIT", _rows(facts)) if facts else None)


def _rows(facts: list[str]) -> tuple[_BoxRow, ...]:
    return tuple(
        _BoxRow(fact, RowStyle.DETAIL if index else RowStyle.VALUE)
        for index, fact in enumerate(facts)
    )


def _known(*facts: tuple[str, float | None]) -> list[str]:
    """Each template filled in with its number, leaving out unknown numbers."""
    return [template.format(number) for template, number in facts if number is not None]


def _short(count: int) -> str:
    """A number of parameters with three digits: 82 M, 1.24 B."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return str(count)


def _id_lines(repo_id: str, room: float, limit: int) -> list[str]:
    """A repository id on up to `limit` lines: broken after its namespace, then at hyphens."""
    width = measuring(RowStyle.VALUE.plain)
    if not repo_id or width(repo_id) <= room:
        return [repo_id] if repo_id else []
    lines: list[str] = []
    for part in re.findall(r"[^/]+/?|/", repo_id):
        text = re.sub(r"(?<=[-_])", " ", part.replace(" ", ""))

        def slice_width(start: int, stop: int, text: str = text) -> float:
            return width(text[start:stop])

        slices = wrap(text, room, slice_width)
        lines += [text[line.start : line.stop].replace(" ", "") for line in slices]
    if len(lines) > limit:
        lines[limit - 1 :] = [fitted("".join(lines[limit - 1 :]), room, width)]
    return lines


def _draw_stages(canvas: Canvas, stages: list[_Stage]) -> None:
    """Distribute the width among the stages, and connect them with arrows."""
    wanted = sum(stage.width for stage in stages)
    scale = min(LARGEST_SCALE, (WIDTH - 2 * MARGIN - GAP * (len(stages) - 1)) / wanted)
    row, bottom = _heights(stages)
    left = float(MARGIN)
    for index, stage in enumerate(stages):
        width = stage.width * scale
        if index:
            _arrow(canvas, (left - GAP, bottom - row / 2), (left, bottom - row / 2))
        _draw_box(canvas, stage.box, left, width, max(row, stage.box.height), bottom)
        if stage.above:
            foot, middle = bottom - row - GAP, left + width / 2
            _draw_box(canvas, stage.above, left, width, stage.above.height, foot)
            _arrow(canvas, (middle, foot), (middle, foot + GAP))
        left += width + GAP


def _heights(stages: list[_Stage]) -> tuple[float, float]:
    row = max(stage.box.height for stage in stages if stage.box.label != SOURCES)
    tops = [row + GAP + stage.above.height for stage in stages if stage.above]
    height = max([stage.box.height for stage in stages] + tops)
    return row, min(BOTTOM, (TOP + BOTTOM + height) / 2)


def _draw_box(
    canvas: Canvas, box: _Box, left: float, width: float, height: float, bottom: float
) -> None:
    theme, top = canvas.theme, bottom - height
    canvas.box(left, top, width, height, theme.band if box.dark else theme.rule, radius=14)
    if not box.dark:
        canvas.box(left + 2, top + 2, width - 4, height - 4, theme.card, radius=12)
    heading = TextStyle(Weight.BOLD, 17, theme.band_muted if box.dark else theme.accent)
    canvas.write(tracked(box.label), heading, left + PADDING, top + HEAD - 1)
    note = left + width - PADDING - measure(box.note, RowStyle.NOTE.plain)
    canvas.write(box.note, RowStyle.NOTE.styled(theme, box.dark), note, top + HEAD - 1)
    room = width - 2 * PADDING
    baseline = top + HEAD
    for row in box.rows:
        baseline += row.pitch
        taken = measure(row.count, RowStyle.COUNT.plain)
        style = RowStyle.COUNT.styled(theme, box.dark)
        canvas.write(row.count, style, left + width - PADDING - taken, baseline)
        left_over = room - taken - (14 if taken else 0)
        shown = fitted(row.text, left_over, measuring(row.style.plain))
        style = replace(row.style.styled(theme, box.dark), language=han_language(shown))
        canvas.write(shown, style, left + PADDING, baseline)


def _arrow(canvas: Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    tail = (start[0] + 9 * dx, start[1] + 9 * dy)
    tip = (end[0] - 9 * dx, end[1] - 9 * dy)
    back = (tip[0] - 9 * dx, tip[1] - 9 * dy)
    canvas.line((tail, tip), canvas.theme.accent, 3)
    barbs = (back[0] + 8 * dy, back[1] + 8 * dx), tip, (back[0] - 8 * dy, back[1] - 8 * dx)
    canvas.line(barbs, canvas.theme.accent, 3)
