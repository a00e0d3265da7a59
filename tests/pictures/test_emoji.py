"""Emoji: what is one, that it is drawn whole and in color, and what happens to unknown ones."""

from __future__ import annotations

import pytest

from hubtools.pictures import emoji
from hubtools.pictures.emoji import emoji_beside, emoji_parts, emoji_picture, is_emoji

WHOLE = [
    "😀", "⚓", "☀️", "❤️‍🔥", "👩‍👩‍👧‍👦", "👨‍👩‍👧", "👍🏽", "👩🏿‍🚀",
    "🧑🏾‍🤝‍🧑🏻", "🫱🏻‍🫲🏿", "🤷🏻‍♀️", "✊🏿",
    "🇩🇰", "🇺🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "1️⃣", "#️⃣", "*️⃣",
]  # fmt: skip


@pytest.fixture
def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without an emoji font."""
    monkeypatch.setattr(emoji, "SYSTEM_FONTS", {"linux": ()})
    for cached in (emoji._font_for, emoji.emoji_picture):
        cached.cache_clear()


@pytest.mark.parametrize("cluster", WHOLE)
def test_whole_and_in_color(cluster: str, only_ours: None) -> None:
    assert is_emoji(cluster)
    assert emoji_parts(cluster) == (cluster,)
    picture = emoji_picture(cluster, 64)
    assert (picture.size, picture.mode) == ((64, 64), "RGBA")
    left, top, right, bottom = picture.getbbox() or (0, 0, 0, 0)
    assert 20 <= right - left <= 64 and 20 <= bottom - top <= 64
    assert any(max(rgb[:3]) - min(rgb[:3]) > 40 for _, rgb in picture.getcolors(1 << 16) or [])


def test_a_family_is_not_its_first_member(only_ours: None) -> None:
    family, mother = emoji_picture("👩‍👩‍👧‍👦", 64), emoji_picture("👩", 64)
    assert family.tobytes() != mother.tobytes()
    assert emoji_picture("👍🏽", 64).tobytes() != emoji_picture("👍", 64).tobytes()


def test_a_dark_emoji_has_an_edge_beside_light_text_only() -> None:
    plain, night = emoji_picture("⚓", 64), emoji_beside("⚓", 64, "#fffdf8")
    assert emoji_beside("⚓", 64, "#14233a") is plain
    assert emoji_beside("😀", 64, "#fffdf8") is emoji_picture("😀", 64)
    assert 64 < night.width < 76
    light = [color for _, color in night.getcolors(1 << 16) or [] if min(color[:3]) > 230]
    assert any(color[3] > 200 for color in light)
    assert not [color for _, color in plain.getcolors(1 << 16) or [] if min(color[:3]) > 230]


@pytest.mark.parametrize("text", ["a", "1", "#", "©", "❤", "⚓︎", "灯", "→", " "])
def test_text_is_no_emoji(text: str) -> None:
    assert not is_emoji(text)


@pytest.mark.parametrize(
    ("cluster", "parts"),
    [
        ("🧑‍🦍", ("🧑", "🦍")),  # no such sequence: as phones do, side by side
        ("🚢🏽", ("🚢",)),  # ships have no skin
        ("🇽🇽", ()),
        ("\U0001fae9", ()),  # of Unicode 16
    ],
    ids=["sequence", "tone", "flag", "new"],
)
def test_what_no_font_has(cluster: str, parts: tuple[str, ...], only_ours: None) -> None:
    assert emoji_parts(cluster) == parts
    if not parts:
        with pytest.raises(LookupError):
            emoji_picture(cluster, 32)
