"""The thumbnail: a prediction, and the accounts that the model was trained on."""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field

from hubtools.pictures.avatars import avatar_image
from hubtools.pictures.bidi import is_right_to_left
from hubtools.pictures.drawing import Canvas, draw_logo
from hubtools.pictures.fonts import Weight
from hubtools.pictures.line_breaking import (
    TextLine,
    clipped,
    clusters,
    fitted,
    han_language,
    whole_words,
    wrap,
)
from hubtools.pictures.text_layout import (
    TextCleaner,
    TextStyle,
    measure,
    measuring,
    set_line,
    tracked,
    width_of,
)
from hubtools.pictures.theme import LIGHT, Theme
from hubtools.pictures.types import SHOWN_ACCOUNTS, Face, Picture, ThumbnailSubject

WIDTH, HEIGHT = 1200, 628
MARGIN = 64
INNER = WIDTH - 2 * MARGIN
CHARACTERS = 600
READ = 4000
"""Characters of each text that are read."""
LARGEST, SMALLEST = 108, 28
WHOLE = 40
"""The smallest size chosen to keep a long word whole; longer words are broken."""
LEADING = 1.3
RAISED = 0.35
"""Distance of the baseline below a line's middle, as a fraction of the type size."""
CARET = 0.3
"""Room for the caret at a line's end, as a fraction of the type size."""
HEADER_TOP = 40
TEXT_TOP = 112
TEXT_GAP = 28
GUTTER = 24
RING = 3


@dataclass(frozen=True, slots=True)
class _Quote:
    """The text to lay out: `text[:turn]` is the prompt, the rest is generated."""

    text: str
    turn: int
    widths: dict[tuple[int, int], float] = field(default_factory=dict, compare=False, repr=False)
    """Cache of measured slices."""

    def measure(self, start: int, stop: int) -> float:
        known = self.widths.get((start, stop))
        if known is not None:
            return known
        turn = min(max(self.turn, start), stop)
        prompt = measure(self.text[start:turn], TextStyle(Weight.BOLD, 1))
        width = prompt + measure(self.text[turn:stop], TextStyle(Weight.REGULAR, 1))
        self.widths[start, stop] = width
        return width

    def cut(self, text: str) -> _Quote:
        return _Quote(text, min(self.turn, len(text)))


@dataclass(frozen=True, slots=True)
class _Setting:
    quote: _Quote
    size: int
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class _Person:
    title: str
    subtitle: str
    initial: str
    tone: str
    avatar: bytes | None


@dataclass(frozen=True, slots=True)
class _Grid:
    """The rows of accounts; all fields but `columns` in px."""

    columns: int
    avatar: int
    title: int
    subtitle: int
    row: int
    padding: int

    def height(self, people: int) -> int:
        rows = -(-people // self.columns)
        return 2 * self.padding + (rows - 1) * self.row + self.avatar if people else 0


def draw_thumbnail(subject: ThumbnailSubject, theme: Theme = LIGHT) -> Picture:
    """Draw a picture of 1200 × 628 px, as a PNG with a palette.

    The first six accounts are shown; the others are counted. Characters that no font has are left
    out and listed in the result. The text is cut at 600 characters. A colored initial replaces an
    avatar that is missing, broken or too large.
    """
    cleaner = TextCleaner(READ)
    everyone = [_person(face, cleaner, theme) for face in subject.accounts[:SHOWN_ACCOUNTS]]
    people = [person for person in everyone if person.title or person.avatar]
    quote = _quote(subject, cleaner)
    canvas = Canvas(WIDTH, HEIGHT, theme)
    _draw_header(canvas, len(subject.accounts))
    grid = _grid(len(people))
    _draw_quote(canvas, quote, HEIGHT - grid.height(len(people)) - TEXT_GAP)
    _draw_people(canvas, people, grid, han_language(quote.text))
    return Picture(canvas.png(), cleaner.left_out, tuple(canvas.marks))


def _person(face: Face, cleaner: TextCleaner, theme: Theme) -> _Person:
    name = cleaner.clean(face.name or "").strip()
    handle = cleaner.clean(face.handle or "").strip().lstrip("@").strip()
    at = f"@{handle}" if handle else ""
    letters = [cluster for cluster in clusters(name + handle) if cluster[0].isalnum()]
    tone = theme.tones[zlib.crc32((handle or name).encode()) % len(theme.tones)]
    return _Person(
        title=name or at,
        subtitle=at if name else "",
        initial=letters[0].upper() if letters else "",
        tone=tone,
        avatar=face.avatar,
    )


def _quote(subject: ThumbnailSubject, cleaner: TextCleaner) -> _Quote:
    whole = subject.prediction
    turn = len(subject.prompt) if whole.startswith(subject.prompt) else 0
    prompt = cleaner.clean(whole[:turn]).lstrip()
    rest = cleaner.clean(whole[turn:])
    if not prompt or prompt.endswith(" "):
        rest = rest.lstrip()
    text = clipped((prompt + rest).rstrip(), CHARACTERS)
    return _Quote(text, min(len(prompt), len(text)))


def _draw_header(canvas: Canvas, accounts: int) -> None:
    theme = canvas.theme
    label = tracked("AI BOT" if accounts <= 1 else "AI CYBORG")
    style = TextStyle(Weight.BOLD, 30, theme.paper)
    width = measure(label, style) + 56
    canvas.box(MARGIN, HEADER_TOP, width, 54, theme.accent, radius=27)
    baseline = HEADER_TOP + 38
    canvas.write(label, style, MARGIN + 28, baseline)
    note = TextStyle(Weight.REGULAR, 30, theme.muted)
    more = f", from {accounts:,} accounts" if accounts > SHOWN_ACCOUNTS else ""
    canvas.write(f"A machine wrote this text{more}", note, MARGIN + width + 24, baseline)
    draw_logo(canvas, WIDTH - MARGIN - 120, HEADER_TOP + 3)


def _draw_quote(canvas: Canvas, quote: _Quote, bottom: float) -> None:
    """Draw the text as large as fits between the header and `bottom`, a caret at its end."""
    setting = _fit(quote, bottom - TEXT_TOP)
    size, pitch = setting.size, setting.size * LEADING
    spare = bottom - TEXT_TOP - pitch * len(setting.lines)
    baseline = TEXT_TOP + spare / 2 + pitch / 2 + RAISED * size
    leftwards = is_right_to_left(setting.quote.text)
    language = han_language(setting.quote.text)
    end = 0.0
    for line in setting.lines:
        end = _draw_line(canvas, setting, line, baseline, leftwards, language)
        baseline += pitch
    if setting.lines:
        thickness = 0.09 * size
        left = end - 0.14 * size - thickness if leftwards else end + 0.14 * size
        top = baseline - pitch - 0.78 * size
        canvas.box(left, top, thickness, 0.98 * size, canvas.theme.signal)


def _draw_line(
    canvas: Canvas,
    setting: _Setting,
    line: TextLine,
    baseline: float,
    leftwards: bool,
    language: str,
) -> float:
    text, theme = setting.quote.text, canvas.theme
    turn = min(max(setting.quote.turn, line.start), line.stop)
    spans = (
        (text[line.start : turn], TextStyle(Weight.BOLD, setting.size, theme.accent, language)),
        (text[turn : line.stop], TextStyle(Weight.REGULAR, setting.size, theme.ink, language)),
    )
    runs = set_line(spans, base=1 if leftwards else 0)
    width = width_of(runs)
    left = WIDTH - MARGIN - width if leftwards else float(MARGIN)
    canvas.draw(runs, left, baseline)
    return left if leftwards else left + width


def _fit(quote: _Quote, height: float) -> _Setting:
    widest = _widest(quote)
    sizes = range(min(LARGEST, int(INNER / (widest + CARET))), SMALLEST - 1, -1)
    at = bisect_left(
        sizes, True, key=lambda size: len(_lines(quote, size)) * size * LEADING <= height
    )
    size = sizes[min(at, len(sizes) - 1)]
    lines = _lines(quote, size)
    room = int(height / (size * LEADING))
    if len(lines) <= room:
        return _Setting(quote, size, _balanced(quote, size, lines, widest))
    text = quote.text[: lines[room - 1].stop]
    cut = quote.cut(clipped(text, max(1, len(text) - 3)))
    return _Setting(cut, size, _lines(cut, size))


def _widest(quote: _Quote) -> float:
    room = INNER / WHOLE - CARET
    widths = (quote.measure(*word) for word in whole_words(quote.text))
    return max((width for width in widths if width <= room), default=0.0)


def _lines(quote: _Quote, size: int, share: float = 1.0) -> tuple[TextLine, ...]:
    """Lines with room for the caret that fill up to `share` of the width."""
    return wrap(quote.text, (INNER * share - CARET * size) / size, quote.measure)


def _balanced(
    quote: _Quote, size: int, lines: tuple[TextLine, ...], widest: float
) -> tuple[TextLine, ...]:
    """The same number of lines with more equal lengths, so that no word is left alone.

    A line keeps room for a word of width `widest` at size 1.
    """
    least = math.ceil(50 * (widest + CARET) * size / INNER)
    shares = range(2 * max(30, least), 100, 2)
    at = bisect_left(
        shares, True, key=lambda share: len(_lines(quote, size, share / 100)) <= len(lines)
    )
    return _lines(quote, size, shares[at] / 100) if at < len(shares) else lines


def _draw_people(canvas: Canvas, people: list[_Person], grid: _Grid, language: str) -> None:
    """Draw accounts in rows on a dark band at the bottom.

    Han characters in names without kana or hangul take the shapes of `language`.
    """
    if not people:
        return
    top = HEIGHT - grid.height(len(people))
    canvas.box(0, top, WIDTH, HEIGHT - top, canvas.theme.band)
    for index, person in enumerate(people):
        row, column = divmod(index, grid.columns)
        x = MARGIN + column * (INNER + GUTTER) // grid.columns
        y = top + grid.padding + row * grid.row
        _draw_person(canvas, person, grid, x, y, han_language(person.title, language))


def _grid(people: int) -> _Grid:
    if people <= 2:
        return _Grid(columns=max(1, people), avatar=108, title=42, subtitle=32, row=0, padding=30)
    if people == 3:
        return _Grid(columns=3, avatar=92, title=30, subtitle=26, row=0, padding=34)
    columns = 2 if people == 4 else 3
    return _Grid(columns=columns, avatar=68, title=29, subtitle=25, row=84, padding=26)


def _draw_person(
    canvas: Canvas, person: _Person, grid: _Grid, x: int, y: int, language: str
) -> None:
    _draw_avatar(canvas, person, grid.avatar, x, y, language)
    left = x + grid.avatar + grid.avatar // 5 + 4
    room = (INNER + GUTTER) // grid.columns - GUTTER - (left - x)
    theme, middle = canvas.theme, y + grid.avatar / 2
    title = TextStyle(Weight.BOLD, grid.title, theme.band_ink, language)
    subtitle = TextStyle(Weight.REGULAR, grid.subtitle, theme.band_muted)
    lift = 0.12 * grid.title if person.subtitle else -0.35 * grid.title
    canvas.write(fitted(person.title, room, measuring(title)), title, left, middle - lift)
    handle = fitted(person.subtitle, room, measuring(subtitle))
    canvas.write(handle, subtitle, left, middle + 1.14 * grid.subtitle)


def _draw_avatar(
    canvas: Canvas, person: _Person, diameter: int, x: int, y: int, language: str
) -> None:
    theme, ring = canvas.theme, diameter + 2 * RING
    canvas.box(x - RING, y - RING, ring, ring, theme.band_ink, radius=ring / 2)
    picture = avatar_image(person.avatar, diameter, theme.band_ink)
    if picture:
        canvas.paste(picture, x, y)
        return
    canvas.box(x, y, diameter, diameter, person.tone, radius=diameter / 2)
    style = TextStyle(Weight.BOLD, diameter * 0.46, theme.band_ink, language)
    left = x + (diameter - measure(person.initial, style)) / 2
    canvas.write(person.initial, style, left, y + diameter / 2 + 0.35 * style.size)
