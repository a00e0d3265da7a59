"""The thumbnail: what it shows, what it leaves out, and that its bytes are always the same."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image, ImageChops
from pytest_regressions.data_regression import DataRegressionFixture
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.pictures.theme import DARK, LIGHT, Theme
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import Face, Picture, ThumbnailSubject
from tests.pictures.difficult import CREW, DIFFICULT, HARBOUR, LONG, MIDDLE, SHORT
from tests.pictures.tiles import TOLERANCE, assert_same_tiles, largest_difference

PROMPT = "My dream is"
NO_FONT = "\U000f1234"  # for private use: no font of ours has it


def avatar(color: str = "#3355aa", size: tuple[int, int] = (60, 40), format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, format)
    return file.getvalue()


def draw(text: str = SHORT, *faces: Face, prompt: str = PROMPT) -> Picture:
    return draw_thumbnail(ThumbnailSubject(faces or (HARBOUR,), prompt, text))


def words(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.layout if mark.kind == "text"]


def emoji(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.layout if mark.kind == "emoji"]


def drawn(picture: Picture) -> str:
    return " ".join(" ".join(words(picture)).split())


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png))


def assert_inside(picture: Picture) -> None:
    for mark in picture.layout:
        assert mark.left >= 0 and mark.top >= 0, mark
        assert mark.left + mark.width <= 1200 and mark.top + mark.height <= 628, mark


def assert_apart(picture: Picture) -> None:
    """No two texts share a pixel row and column."""
    texts = [mark for mark in picture.layout if mark.kind in ("text", "emoji")]
    for index, one in enumerate(texts):
        for two in texts[index + 1 :]:
            beside = one.left + one.width <= two.left + 2 or two.left + two.width <= one.left + 2
            above = one.top + one.height <= two.top + 2 or two.top + two.height <= one.top + 2
            assert beside or above, (one, two)


@pytest.mark.parametrize("count", range(1, 7))
def test_each_number_of_accounts(count: int) -> None:
    picture = draw(MIDDLE, *CREW[:count])
    image = opened(picture)
    assert (image.format, image.size, image.mode) == ("PNG", (1200, 628), "P")
    assert len(picture.png) < 60 * 1024
    assert ("AI BOT" in words(picture)) == (count == 1)
    assert ("AI CYBORG" in words(picture)) == (count > 1)
    assert "A machine wrote this text" in words(picture)
    assert {"Harbour Log ", "@harbourlog"} <= set(words(picture))
    assert "⚓" in emoji(picture)
    assert_inside(picture)
    assert_apart(picture)


@pytest.mark.parametrize(
    "text", ["My dream is", "My dream is x", SHORT, MIDDLE, LONG[:600], LONG * 4]
)
@pytest.mark.parametrize("faces", [(HARBOUR,), CREW], ids=["one", "six"])
def test_any_length_fits(text: str, faces: tuple[Face, ...]) -> None:
    picture = draw(text, *faces)
    assert_inside(picture)
    assert_apart(picture)
    assert ("…" in drawn(picture).split("Harbour")[0]) == (len(text) > 700)
    assert min(mark.size for mark in picture.layout if mark.kind == "text") >= 20


@pytest.mark.parametrize(
    "text",
    [
        "Donaudampfschifffahrtsgesellschaft!",
        "See https://harbour.example/fog?page=12 for fog",
        "I like Internationalisierungsfragen a lot",
        "החלום https://harbour.example/fog?page=12 שלי",
    ],
)
def test_words_of_a_natural_length_are_not_broken(text: str) -> None:
    (longest,) = [word for word in text.split() if len(word) > 12]
    assert any(longest in run for run in words(draw(text, prompt="")))


def test_one_endless_word_does_not_make_the_text_small() -> None:
    for word in ("W" * 48, "😂" * 30):
        picture = draw(f"My dream {word}", prompt="")
        (size,) = {mark.size for mark in picture.layout if mark.text.startswith("My dream")}
        assert size > 60, word


def test_shorter_texts_are_larger() -> None:
    texts = ("My dream", SHORT, MIDDLE, LONG[:600])
    sizes = [max(mark.size for mark in draw(text).layout) for text in texts]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] >= 2.5 * sizes[3] > 70  # 10 and 600 characters


@pytest.mark.parametrize("name", DIFFICULT)
def test_difficult_layouts(name: str, data_regression: DataRegressionFixture) -> None:
    """Runs, emoji and boxes, and where each stands: nothing may move unseen."""
    picture = draw_thumbnail(DIFFICULT[name])
    assert picture.left_out == ()
    assert_inside(picture)
    assert_apart(picture)
    marks = [asdict(mark) for mark in picture.layout]
    data_regression.check({"layout": marks}, basename=f"layout_{name}")


@pytest.mark.parametrize(
    ("name", "theme"),
    [("six", LIGHT), ("emoji", LIGHT), ("hebrew", DARK), ("devanagari", LIGHT)],
    ids=["six", "emoji", "hebrew-dark", "devanagari"],
)
def test_difficult_pictures(
    name: str, theme: Theme, request: pytest.FixtureRequest, file_regression: FileRegressionFixture
) -> None:
    file_regression.check(
        draw_thumbnail(DIFFICULT[name], theme).png,
        basename=f"picture_{request.node.callspec.id}",
        extension=".png",
        binary=True,
        check_fn=assert_same_tiles,
    )


def test_tiles_see_what_averages_do_not() -> None:
    """A lost emoji, a caret that moved, a color by night instead of by day."""
    whole = opened(draw_thumbnail(DIFFICULT["emoji"])).convert("RGB")
    without = whole.copy()
    anchor = next(m for m in draw_thumbnail(DIFFICULT["emoji"]).layout if m.text == "⚓")
    without.paste(
        LIGHT.paper,
        (anchor.left, anchor.top, anchor.left + anchor.width, anchor.top + anchor.width),
    )
    assert largest_difference(whole, whole) == 0
    assert largest_difference(whole, without) > TOLERANCE
    assert largest_difference(whole, ImageChops.offset(whole, 2, 0)) > TOLERANCE


@pytest.mark.parametrize("name", ["one", "three", "emoji", "arabic", "chinese"])
def test_a_typical_file_is_small(name: str) -> None:
    assert len(draw_thumbnail(DIFFICULT[name]).png) < 60 * 1024


def test_dark_is_dark_and_stands_as_light_does() -> None:
    light, dark = (draw_thumbnail(DIFFICULT["three"], theme) for theme in (LIGHT, DARK))
    assert dark.layout == light.layout
    assert opened(light).convert("L").getpixel((4, 4)) > 200  # type: ignore[operator]
    assert opened(dark).convert("L").getpixel((4, 4)) < 50  # type: ignore[operator]


def test_whose_emoji_is_said_where_one_is_shown() -> None:
    assert opened(draw("My ⚓")).text["Copyright"].startswith("Emoji: Twemoji")  # type: ignore
    assert not opened(draw("My fog", Face("Crab", None, None))).text  # type: ignore


def test_same_bytes_again_and_in_another_process() -> None:
    picture = draw(MIDDLE, *CREW)
    assert draw(MIDDLE, *CREW).png == picture.png
    program = (
        "import hashlib; from tests.pictures.test_thumbnail import CREW, MIDDLE, draw;"
        "print(hashlib.sha256(draw(MIDDLE, *CREW).png).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4321"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == hashlib.sha256(picture.png).hexdigest()


def test_prompt_and_continuation_differ() -> None:
    picture = draw(SHORT)
    assert words(picture)[2:6] == [
        "My dream is",
        " to",
        "become a lighthouse",
        "with flexible hours.",
    ]
    prompt, rest = (mark for mark in picture.layout if mark.text in ("My dream is", " to"))
    image = opened(picture).convert("RGB")
    assert _has_color(image, prompt.left, prompt.width, prompt.top, LIGHT.accent)
    assert not _has_color(image, rest.left + 4, rest.width, rest.top, LIGHT.accent)
    assert _has_color(image, rest.left, rest.width, rest.top, LIGHT.ink)


def _has_color(image: Image.Image, left: int, width: int, top: int, color: str) -> bool:
    part = image.crop((left, top, left + width, top + 90))
    found = part.getcolors(1 << 20) or []
    return any(_near(rgb, color, 4) for _, rgb in found)


def _near(found: Any, color: str, distance: int) -> bool:
    wanted = bytes.fromhex(color[1:])
    return all(abs(a - b) < distance for a, b in zip(found, wanted, strict=True))


def test_a_caret_ends_the_text() -> None:
    image = opened(draw("My dream is fog")).convert("RGB")
    assert _has_color(image, 700, 400, 250, LIGHT.signal)


def test_prediction_that_does_not_begin_with_the_prompt() -> None:
    assert "We sail at noon." in words(draw("We sail at noon.", prompt="My dream"))


def test_prompt_may_end_inside_a_word() -> None:
    assert words(draw("My dreams float", prompt="My dr"))[2:4] == ["My dr", "eams float"]


def places(picture: Picture) -> dict[str, int]:
    """Where each run of the text begins, by what it says."""
    return {mark.text.strip(): mark.left for mark in picture.layout if mark.size > 50}


def test_a_word_in_hebrew_does_not_turn_the_line_around() -> None:
    at = places(draw("My ⚓ שלום 12 fog", prompt="My"))
    assert at["My"] < at["⚓"] < at["12"] < at["שלום"] < at["fog"]


def test_a_text_that_begins_in_hebrew_runs_leftwards_from_the_right_margin() -> None:
    picture = draw("שלום ⚓ fog", prompt="שלום")
    at = places(picture)
    assert at["fog"] < at["⚓"] < at["שלום"]
    first = next(mark for mark in picture.layout if mark.text.strip() == "שלום")
    assert first.left + first.width == 1200 - 64
    caret = next(mark for mark in picture.layout if mark.width <= 10 and mark.height > 60)
    assert caret.left + caret.width < at["fog"]


@pytest.mark.filterwarnings("error")  # matplotlib warns of a missing glyph
@pytest.mark.parametrize(
    ("with_it", "without", "named"),
    [
        (f"My dream is {NO_FONT} to sail", "My dream is to sail", (NO_FONT,)),
        (f"My dream is {NO_FONT}\u0378{NO_FONT}", "My dream is", (NO_FONT, "\u0378")),
        ("My dream is 🧑‍🦍 fog", "My dream is 🧑🦍 fog", ()),
        ("My dream is ⚓️ fog", "My dream is ⚓ fog", ()),
        (
            "My dream is \u202efog\u202c \u200band\ufeff\x00 \x07mist",
            "My dream is fog and mist",
            (),
        ),
        ("My dream\nis\r\n\tfog\u2028", "My dream is fog", ()),
        ("My dream is \ud800fog", "My dream is fog", ()),
    ],
    ids=["unknown", "several", "joined", "selector", "controls", "lines", "surrogate"],
)
def test_no_tofu(with_it: str, without: str, named: tuple[str, ...]) -> None:
    one, two = draw(with_it, prompt="My"), draw(without, prompt="My")
    assert one.png == two.png
    assert one.left_out == named


def test_left_out_in_order_from_all_texts() -> None:
    a, b, c = "\U000f0001", "\U000f0002", "\U000f0003"
    picture = draw(f"My dream is {c}{a}", Face(f"Tide {a}", "x", None), Face(f"{b}{a}", None, None))
    assert picture.left_out == (a, b, c)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text",
    [
        "My dream is $x$ and \\frac{1}{2}",
        "My dream is $ 100 % _ ^ {",
        "My dream is " + "Wellenbrecher" * 20,
        "My dream is e" + "\u0301" * 60,
        "My dream is שלום and مرحبا",
        "<b>&amp;</b>",
        "",
        "🚢",
        "W" * 700,
    ],
    ids=["maths", "signs", "word", "marks", "rtl", "markup", "empty", "none", "wide"],
)
def test_hostile_text(text: str) -> None:
    picture = draw(text)
    assert_inside(picture)
    if "$" in text:
        assert text in drawn(picture)


@pytest.mark.filterwarnings("error")
def test_a_mark_that_the_letters_font_lacks_is_left_away() -> None:
    """The letter is FiraGO's, the mark DejaVu's."""
    assert draw("My dream is \u0915\u20d0").png == draw("My dream is \u0915").png


def test_a_huge_text_is_not_read_to_its_end() -> None:
    assert draw(SHORT + "x" * 5_000_000).left_out == ()


@pytest.mark.parametrize(
    ("face", "shown"),
    [
        (Face(NO_FONT, "crab", None), ["@crab"]),
        (Face("  ", "@crab", None), ["@crab"]),
        (Face("Crab", None, None), ["Crab"]),
        (Face("Crab", NO_FONT, None), ["Crab"]),
        (Face(NO_FONT, None, None), []),
        (Face(None, None, None), []),
        (Face("ROBOT LAB & RETWEETS\ndaily", "lab", None), ["ROBOT LAB & RETWEETS daily", "@lab"]),
        (Face("N" * 900, "h" * 900, None), ["N" * 900, "@" + "h" * 900]),
    ],
)
def test_names(face: Face, shown: list[str]) -> None:
    picture = draw(SHORT, face)
    below = words(picture)[words(picture).index("with flexible hours.") + 1 :]
    assert [text[:20] for text in below if len(text) > 1] == [text[:20] for text in shown]
    assert not any("Anonymous" in text for text in words(picture))
    assert_inside(picture)


def test_a_name_takes_the_forms_of_the_language_around_it() -> None:
    """骨 and 直 look different in Japan than in China."""

    def name(text: str) -> Image.Image:
        return opened(draw(text, Face("骨直", None, None), prompt="")).crop((64, 480, 400, 628))

    assert largest_difference(name("夢です"), name("梦想")) > 2 * TOLERANCE
    assert largest_difference(name("fog"), name("梦想")) < 2


def test_more_than_six_accounts_are_counted() -> None:
    picture = draw(SHORT, *CREW, *CREW)
    assert "A machine wrote this text, from 12 accounts" in words(picture)
    assert_inside(picture)
    assert_apart(picture)


def test_no_accounts() -> None:
    assert "AI BOT" in words(draw_thumbnail(ThumbnailSubject((), PROMPT, SHORT)))


def _bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than anybody should decode."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        avatar()[:60],
        avatar(format="JPEG")[:200],
        _bomb(50_000, 50_000),
        _bomb(11_000, 11_000),
        _bomb(6_000, 6_000),
        _bomb(2, 2_000_000),
        _bomb(100, 100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        bytes(9 * 1024 * 1024),
    ],
    ids=[
        "empty",
        "text",
        "cut",
        "cut-jpeg",
        "huge",
        "warned",
        "large",
        "thin",
        "lying",
        "svg",
        "heavy",
    ],
)
@pytest.mark.filterwarnings("error")
def test_bytes_that_are_no_avatar_become_an_initial(data: bytes) -> None:
    expected = draw(SHORT, Face("Harbour", "harbourlog", None))
    assert draw(SHORT, Face("Harbour", "harbourlog", data)).png == expected.png
    assert "H" in words(expected)


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000), (400, 400)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_avatar_is_a_circle_from_the_middle(size: tuple[int, int], format: str) -> None:
    picture = draw(SHORT, Face("Harbour", None, avatar("#cc2288", size, format)))
    (place,) = (mark for mark in picture.layout if mark.kind == "picture")
    image = opened(picture).convert("RGB")
    middle = image.getpixel((place.left + place.width // 2, place.top + place.height // 2))
    corner = image.getpixel((place.left, place.top))
    assert _near(middle, "#cc2288", 12) and _near(corner, LIGHT.band, 12)
