"""The thumbnail: what it shows, what it leaves out, and that its bytes are always the same."""

from __future__ import annotations

import builtins
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
from PIL import Image
from pytest_regressions.data_regression import DataRegressionFixture

from hubtools.cards.look import DARK, LIGHT
from hubtools.cards.thumbnail import Face, Picture, ThumbnailSubject, draw_thumbnail
from hubtools.errors import MissingExtraError

PROMPT = "My dream is"
SHORT = "My dream is to become a lighthouse with flexible hours."
MIDDLE = (
    f"{SHORT} The fog says no, the fog always says no, but the fog also said that about the "
    "ferry, and look at her now: punctual, freshly painted and a little smug."
)
LONG = f"{MIDDLE} {MIDDLE} {MIDDLE} {MIDDLE}"


def avatar(colour: str = "#3355aa", size: tuple[int, int] = (60, 40), format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, format)
    return file.getvalue()


HARBOUR = Face("Harbour Log ⚓", "harbourlog", avatar())
CREW = (
    HARBOUR,
    Face("Ferry Times", "@ferrytimes", avatar("#77aa99", format="JPEG")),
    Face("The Gull With Opinions About Everything", "gullwithopinions", None),
    Face("Tide Table 🌊", "tidetable", None),
    Face(None, "knot_of_the_day", None),
    Face("Überfähre Ärmelkanal", "faehre@mastodon.example", avatar("#aa4433")),
)


def draw(text: str = SHORT, *faces: Face, prompt: str = PROMPT) -> Picture:
    return draw_thumbnail(ThumbnailSubject(faces or (HARBOUR,), prompt, text))


def words(picture: Picture) -> list[str]:
    return [mark.text for mark in picture.layout if mark.kind == "text"]


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
    texts = [mark for mark in picture.layout if mark.kind == "text"]
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
    assert {"Harbour Log ⚓", "@harbourlog"} <= set(words(picture))
    assert_inside(picture)
    assert_apart(picture)


@pytest.mark.parametrize("text", ["My dream is", "My dream is x", SHORT, MIDDLE, LONG, LONG * 4])
@pytest.mark.parametrize("faces", [(HARBOUR,), CREW], ids=["one", "six"])
def test_any_length_fits(text: str, faces: tuple[Face, ...]) -> None:
    picture = draw(text, *faces)
    assert_inside(picture)
    assert_apart(picture)
    assert ("…" in drawn(picture).split("Harbour")[0]) == (len(text) > 600)
    assert min(mark.size for mark in picture.layout if mark.kind == "text") >= 20


def test_shorter_texts_are_larger() -> None:
    sizes = [max(mark.size for mark in draw(text).layout) for text in (SHORT, MIDDLE, LONG[:400])]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] >= 2 * sizes[2] > 0


@pytest.mark.parametrize(
    ("name", "text", "faces"),
    [("one", SHORT, (HARBOUR,)), ("three", MIDDLE, CREW[:3]), ("six", LONG, CREW)],
    ids=["one", "three", "six"],
)
def test_layout(
    name: str, text: str, faces: tuple[Face, ...], data_regression: DataRegressionFixture
) -> None:
    marks = [asdict(mark) for mark in draw(text, *faces).layout]
    data_regression.check({"layout": marks}, basename=f"thumbnail_{name}")


def test_same_bytes_again_and_in_another_process() -> None:
    picture = draw(MIDDLE, *CREW)
    assert draw(MIDDLE, *CREW).png == picture.png
    program = (
        "import hashlib; from tests.cards.test_thumbnail import CREW, MIDDLE, draw;"
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
    assert _has_colour(image, prompt.left, prompt.width, prompt.top, LIGHT.accent)
    assert not _has_colour(image, rest.left + 4, rest.width, rest.top, LIGHT.accent)
    assert _has_colour(image, rest.left, rest.width, rest.top, LIGHT.ink)


def _has_colour(image: Image.Image, left: int, width: int, top: int, colour: str) -> bool:
    part = image.crop((left, top, left + width, top + 90))
    found = part.getcolors(1 << 20) or []
    return any(_near(rgb, colour, 4) for _, rgb in found)


def _near(found: Any, colour: str, distance: int) -> bool:
    wanted = bytes.fromhex(colour[1:])
    return all(abs(a - b) < distance for a, b in zip(found, wanted, strict=True))


def test_a_caret_ends_the_text() -> None:
    image = opened(draw("My dream is fog")).convert("RGB")
    assert _has_colour(image, 700, 400, 250, LIGHT.signal)


def test_prediction_that_does_not_begin_with_the_prompt() -> None:
    assert "We sail at noon." in words(draw("We sail at noon.", prompt="My dream"))


def test_prompt_may_end_inside_a_word() -> None:
    assert words(draw("My dreams float", prompt="My dr"))[2:4] == ["My dr", "eams float"]


def test_a_word_in_hebrew_does_not_turn_the_line_around() -> None:
    alone, before = draw("My ⚓", prompt="My"), draw("My ⚓ שלום", prompt="My")
    (anchor,) = (mark for mark in alone.layout if mark.text == " ⚓")
    box = (anchor.left, anchor.top, anchor.left + anchor.width, anchor.top + anchor.height)
    assert anchor.size == max(mark.size for mark in before.layout)
    ink = [
        opened(picture).convert("L").crop(box).point(lambda level: 255 * (level > 128))
        for picture in (alone, before)
    ]
    assert ink[0].tobytes() == ink[1].tobytes()


@pytest.mark.filterwarnings("error")  # matplotlib warns of a missing glyph
@pytest.mark.parametrize(
    ("with_it", "without", "named"),
    [
        ("My dream is 🚢 to sail", "My dream is to sail", ("🚢",)),
        ("My dream is 👩‍🚀🚢👩‍🚀 🇩🇰", "My dream is", ("👩‍🚀", "🚢", "🇩🇰")),
        ("My dream is 灯台 fog", "My dream is fog", ("灯", "台")),
        ("My dream is ⚓️ fog", "My dream is ⚓ fog", ()),
        (
            "My dream is \u202efog\u202c \u200band\ufeff\x00 \x07mist",
            "My dream is fog and mist",
            (),
        ),
        ("My dream\nis\r\n\tfog\u2028", "My dream is fog", ()),
        ("My dream is \ud800fog", "My dream is fog", ()),
    ],
    ids=["emoji", "joined", "script", "selector", "controls", "lines", "surrogate"],
)
def test_no_tofu(with_it: str, without: str, named: tuple[str, ...]) -> None:
    one, two = draw(with_it, prompt="My"), draw(without, prompt="My")
    assert one.png == two.png
    assert one.left_out == named


def test_left_out_in_order_from_all_texts() -> None:
    picture = draw("My dream is 🚢🌊", Face("Tide 🌊", "x", None), Face("🦀🌊", None, None))
    assert picture.left_out == ("🌊", "🦀", "🚢")


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


def test_a_huge_text_is_not_read_to_its_end() -> None:
    assert draw(SHORT + "x" * 5_000_000).left_out == ()


@pytest.mark.parametrize(
    ("face", "shown"),
    [
        (Face("🦀", "crab", None), ["@crab"]),
        (Face("  ", "@crab", None), ["@crab"]),
        (Face("Crab", None, None), ["Crab"]),
        (Face("Crab", "🦀", None), ["Crab"]),
        (Face("🦀", None, None), []),
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


def test_more_than_six_accounts_are_counted() -> None:
    picture = draw(SHORT, *CREW, *CREW)
    assert "A machine wrote this text, from the posts of 12 accounts" in words(picture)
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


@pytest.mark.parametrize("library", ["matplotlib", "PIL"])
def test_missing_library(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == library:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="drawing a thumbnail needs the extra 'pictures'"):
        draw()
