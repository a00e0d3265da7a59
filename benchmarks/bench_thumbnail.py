"""Thumbnails: ours, the same drawn with Pillow alone, and figure + savefig as one writes it first.

    python benchmarks/bench_thumbnail.py [--rounds 20] [--bulk 200]

One process, in turns; CPU time, so that other work on the machine matters little. Every picture
has three accounts with avatars, a text of 250 characters that no round repeats, and four emoji.
All three use the same fonts, the same layout and the same 1200 × 628 px; the peers are given the
texts cleaned. `--bulk` times many of ours on all cores, against the clock.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image, ImageDraw, ImageFont

from benchmarks.machine import describe
from hubtools.cards.bulk_pictures import ThumbnailTask, cores, draw_all
from hubtools.cards.fonts import EMOJI_FONT, FOLDER
from hubtools.cards.look import LIGHT
from hubtools.cards.thumbnail import ThumbnailSubject, draw_thumbnail
from hubtools.cards.typesetting import pieces
from tests.cards.difficult import CREW, MIDDLE

PROMISED_PILLOW, PROMISED_NAIVE = 1.5, 4.0
EMOJI = ("🚢", "👩🏿‍🚀", "👩‍👩‍👧‍👦", "🇩🇰")
PROMPT = "My dream is"
LEFT, RIGHT, TOP, BOTTOM = 64, 1136, 112, 432


def main() -> None:
    """Measure and print; exits 1 when a ratio is not what the project promises."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--bulk", type=int, default=200, help="pictures drawn on all cores")
    parser.add_argument("--save", type=Path, help="a folder for one picture of each")
    options = parser.parse_args()
    print(describe("matplotlib", "pillow", "numpy"))
    ways = {"ours": ours, "pillow": with_pillow, "savefig": with_savefig}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-2, options.rounds):  # the first two warm up
        for name, draw in ways.items():
            started = time.process_time()
            png = draw(subject(number))
            if number >= 0:
                took[name].append(time.process_time() - started)
            if options.save and number == 0:
                (options.save / f"{name}.png").write_bytes(png)
    middle = {name: statistics.median(times) for name, times in took.items()}
    for name, seconds in middle.items():
        print(f"{name:8} {seconds * 1e3:7.1f} ms of CPU a picture, median of {options.rounds}")
    pillow, naive = middle["ours"] / middle["pillow"], middle["savefig"] / middle["ours"]
    print(f"{pillow:.2f} times Pillow's time (promised: under {PROMISED_PILLOW})")
    print(f"{naive:.1f} times faster than figure + savefig (promised: {PROMISED_NAIVE})")
    if options.bulk:
        bulk(options.bulk)
    if pillow >= PROMISED_PILLOW or naive < PROMISED_NAIVE:
        raise SystemExit(1)


def subject(number: int) -> ThumbnailSubject:
    """Words in another order each time, and made up ones: nothing of a text is known before."""
    order = random.Random(number)
    words = [*MIDDLE.removeprefix(PROMPT).split(), *EMOJI]
    order.shuffle(words)
    words[::9] = [f"{word}{order.randrange(100)}" for word in words[::9]]
    return ThumbnailSubject(CREW[:3], PROMPT, " ".join((PROMPT, *words)))


def ours(subject: ThumbnailSubject) -> bytes:
    """As the project draws it."""
    return draw_thumbnail(subject).png


def bulk(count: int) -> None:
    """Pictures a second on one core and on all, processes' start included."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = [ThumbnailTask(subject(n), Path(folder) / f"{n}.png") for n in range(count)]
        for jobs in dict.fromkeys((1, cores())):
            started = time.perf_counter()
            draw_all(tasks, jobs=jobs)
            seconds = time.perf_counter() - started
            print(f"bulk, {jobs} processes: {count / seconds:.0f} pictures a second")


Measure = Callable[[str, bool, float], float]
"""Width in px of a text, bold or not, at a size."""


def layout(subject: ThumbnailSubject, measure: Measure) -> tuple[float, list[list[str]]]:
    """The largest size whose lines fit, by halving, and the words of each line."""
    words = subject.prediction.split()
    bold = len(subject.prompt.split())
    low, high = 28, 109
    while high - low > 1:
        size = (low + high) // 2
        lines = wrap(words, bold, size, measure)
        low, high = (size, high) if len(lines) * 1.3 * size <= BOTTOM - TOP else (low, size)
    return low, wrap(words, bold, low, measure)


def wrap(words: list[str], bold: int, size: float, measure: Measure) -> list[list[str]]:
    space = measure(" ", False, size)
    lines: list[list[str]] = [[]]
    used = 0.0
    for number, word in enumerate(words):
        width = measure(word, number < bold, size)
        if lines[-1] and used + space + width > RIGHT - LEFT - 0.3 * size:
            lines.append([])
            used = 0.0
        used += width + (space if lines[-1] else 0.0)
        lines[-1].append(word)
    return lines


# --- Pillow alone, written with care: fonts are kept, a word is measured once at each size.

_FONTS: dict[tuple[str, int], ImageFont.FreeTypeFont] = {}


def font(name: str, size: float) -> ImageFont.FreeTypeFont:
    key = name, round(size)
    if key not in _FONTS:
        _FONTS[key] = ImageFont.truetype(name, round(size))
    return _FONTS[key]


def face_file(bold: bool) -> str:
    return str(FOLDER / ("FiraGO-Bold.ttf" if bold else "FiraGO-Regular.ttf"))


def pillow_measure() -> Measure:
    known: dict[tuple[str, bool], float] = {}

    def measure(text: str, bold: bool, size: float) -> float:
        if (text, bold) not in known:  # once, at one size: widths grow in step
            known[text, bold] = sum(
                128 * 1.18 if emoji else font(face_file(bold), 128).getlength(part)
                for part, emoji in pieces(text)
            )
        return known[text, bold] * size / 128

    return measure


def with_pillow(subject: ThumbnailSubject) -> bytes:
    """The same picture by Pillow alone."""
    sheet = Image.new("RGB", (1200, 628), LIGHT.paper)
    pen = ImageDraw.Draw(sheet)

    def write(text: str, bold: bool, size: float, x: float, y: float, colour: str) -> float:
        for part, emoji in pieces(text):
            if emoji:
                pen.text(
                    (x, y),
                    part,
                    font=font(str(EMOJI_FONT), 1.06 * size),
                    embedded_color=True,
                    anchor="ls",
                )
                x += 1.18 * size
            else:
                face = font(face_file(bold), size)
                pen.text((x, y), part, colour, face, anchor="ls")
                x += face.getlength(part)
        return x

    pen.rounded_rectangle((64, 40, 300, 94), 27, LIGHT.accent)
    write("AI CYBORG", True, 30, 92, 78, LIGHT.paper)
    write("A machine wrote this text", False, 30, 324, 78, LIGHT.muted)
    for row, length in enumerate((120, 64, 36, 20)):
        pen.rounded_rectangle((1016, 43 + 13 * row, 1016 + length, 52 + 13 * row), 4, LIGHT.signal)
    size, lines = layout(subject, pillow_measure())
    bold = len(subject.prompt.split())
    y, x, drawn = TOP + 0.85 * size, 0.0, 0
    for line in lines:
        prompt = line[: max(0, bold - drawn)]
        x = write(" ".join(prompt) + (" " if prompt else ""), True, size, LEFT, y, LIGHT.accent)
        x = write(" ".join(line[len(prompt) :]), False, size, x, y, LIGHT.ink)
        drawn += len(line)
        y += 1.3 * size
    pen.rectangle((x + 8, y - 2 * size, x + 12, y - 1.3 * size), LIGHT.signal)
    pen.rectangle((0, 468, 1200, 628), LIGHT.band)
    for column, face in enumerate(subject.accounts):
        left = 64 + column * 365
        pen.ellipse((left - 3, 499, left + 95, 597), LIGHT.band_ink)
        avatar = Image.open(io.BytesIO(face.avatar or b"")).convert("RGB").resize((92, 92))
        mask = Image.new("L", (368, 368))
        ImageDraw.Draw(mask).ellipse((0, 0, 367, 367), fill=255)
        sheet.paste(avatar, (left, 502), mask.resize((92, 92)))
        write((face.name or "")[:14], True, 30, left + 114, 544, LIGHT.band_ink)
        write(face.handle or "", False, 26, left + 114, 578, LIGHT.band_muted)
    few = sheet.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "PNG", compress_level=5)
    return file.getvalue()


# --- matplotlib as one writes it first: a figure, texts on it, savefig.


def with_savefig(subject: ThumbnailSubject) -> bytes:
    """The same picture by pyplot: each piece of a line is a text, each emoji an image."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

    figure = plt.figure(figsize=(12, 6.28), dpi=100, facecolor=LIGHT.paper)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1200), ylim=(628, 0))
    axes.axis("off")
    renderer = figure.canvas.get_renderer()

    def fonts(bold: bool, size: float) -> FontProperties:
        return FontProperties(fname=face_file(bold), size=size * 0.72)

    def measure(text: str, bold: bool, size: float) -> float:
        width = 0.0
        for part, emoji in pieces(text):
            if emoji:
                width += 1.18 * size
            else:
                shown = axes.text(0, 0, part, fontproperties=fonts(bold, size), parse_math=False)
                width += shown.get_window_extent(renderer).width
                shown.remove()
        return width

    def write(text: str, bold: bool, size: float, x: float, y: float, colour: str) -> float:
        for part, emoji in pieces(text):
            if emoji:
                side = round(1.06 * size)
                image = Image.new("RGBA", (side, side))
                face = font(str(EMOJI_FONT), side)
                ImageDraw.Draw(image).text(
                    (0, 0.875 * side), part, font=face, anchor="ls", embedded_color=True
                )
                axes.imshow(
                    np.asarray(image),
                    extent=(x, x + side, y + 0.2 * size, y + 0.2 * size - side),
                    zorder=3,
                )
                x += 1.18 * size
            else:
                shown = axes.text(
                    x, y, part, color=colour, fontproperties=fonts(bold, size), parse_math=False
                )
                x += shown.get_window_extent(renderer).width
        return x

    axes.add_patch(FancyBboxPatch((91, 67), 182, 0.1, "round,pad=27", color=LIGHT.accent))
    write("AI CYBORG", True, 30, 92, 78, LIGHT.paper)
    write("A machine wrote this text", False, 30, 324, 78, LIGHT.muted)
    for row, length in enumerate((120, 64, 36, 20)):
        axes.add_patch(Rectangle((1016, 43 + 13 * row), length, 9, color=LIGHT.signal))
    size, lines = layout(subject, measure)
    bold = len(subject.prompt.split())
    y, x, drawn = TOP + 0.85 * size, 0.0, 0
    for line in lines:
        prompt = line[: max(0, bold - drawn)]
        x = write(" ".join(prompt) + (" " if prompt else ""), True, size, LEFT, y, LIGHT.accent)
        x = write(" ".join(line[len(prompt) :]), False, size, x, y, LIGHT.ink)
        drawn += len(line)
        y += 1.3 * size
    axes.add_patch(Rectangle((x + 8, y - 2 * size), 4, 0.7 * size, color=LIGHT.signal))
    axes.add_patch(Rectangle((0, 468), 1200, 160, color=LIGHT.band))
    for column, face in enumerate(subject.accounts):
        left = 64 + column * 365
        axes.add_patch(Circle((left + 46, 548), 49, color=LIGHT.band_ink))
        picture = np.asarray(Image.open(io.BytesIO(face.avatar or b"")))
        shown = axes.imshow(picture, extent=(left, left + 92, 594, 502), zorder=3)
        shown.set_clip_path(Circle((left + 46, 548), 46, transform=axes.transData))
        write((face.name or "")[:14], True, 30, left + 114, 544, LIGHT.band_ink)
        write(face.handle or "", False, 26, left + 114, 578, LIGHT.band_muted)
    axes.set(xlim=(0, 1200), ylim=(628, 0))
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor=LIGHT.paper)
    plt.close(figure)
    return file.getvalue()


if __name__ == "__main__":
    main()
