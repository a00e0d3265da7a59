"""Fonts: the package's own come first and need nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from hubtools.pictures import fonts
from hubtools.pictures.fonts import FOLDER, Weight, font_files, is_drawable

SCRIPTS = {
    "Latin": "Āęđøß", "Greek": "Ωμέγα", "Cyrillic": "Жук", "Vietnamese": "Tiếng Việt",
    "Arabic": "مرحبا", "Persian": "گچپژ", "Urdu": "ہے", "Hebrew": "שלום", "Devanagari": "दीपस्तम्भ",
    "Thai": "ความฝัน", "Georgian": "საქართველო", "Armenian": "Հայ",
}  # fmt: skip


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without any fonts, and without the extra."""
    monkeypatch.setattr(fonts, "_other_files", lambda: ())
    fonts._helper.cache_clear()
    fonts.font_files.cache_clear()
    fonts.is_drawable.cache_clear()
    yield
    fonts._helper.cache_clear()
    fonts.font_files.cache_clear()
    fonts.is_drawable.cache_clear()


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_scripts_that_need_nothing_else(text: str, bare: None) -> None:
    assert all(map(is_drawable, text))
    for weight in Weight:
        assert Path(font_files(text, weight)[0]).parent == FOLDER


def test_what_no_font_has(bare: None) -> None:
    assert not is_drawable("灯")
    assert not is_drawable("\U000e1234")


def test_every_weight_has_what_the_regular_one_has(bare: None) -> None:
    regular = fonts._glyphs_of(Weight.REGULAR)
    assert regular <= fonts._glyphs_of(Weight.BOLD)
    assert {len(font_files(chr(code), Weight.BOLD)) for code in sorted(regular)[::97]} == {3}


@pytest.mark.skipif(find_spec("noto_cjk_sans_jp_regular") is None, reason="needs the extra cjk")
@pytest.mark.parametrize("text", ["灯塔", "灯台の夢", "등대"], ids=["zh", "ja", "ko"])
def test_the_extra_comes_before_the_system(text: str) -> None:
    assert all(map(is_drawable, text))
    (*_, helper) = font_files(text, Weight.REGULAR)
    assert Path(helper).name == "NotoSansCJKjp-Regular.otf"


def test_a_font_of_the_system_is_found_by_what_it_has() -> None:
    import matplotlib

    dejavu = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    for char in ("A", "z", "Ж", "⠿", "⚓"):
        assert fonts._has(dejavu, char)
    for char in ("\x00", "灯", "क", "\U0010ffff"):
        assert not fonts._has(dejavu, char)


def test_a_folder_of_broken_fonts_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font")
    (tmp_path / "b.otf").mkdir()
    monkeypatch.setattr(fonts, "SYSTEM_FOLDERS", {"linux": (str(tmp_path), "/nowhere")})
    files = fonts._system_files()
    assert [file.name for file in files] == ["a.ttf"]
    assert not fonts._has(files[0], "x")
