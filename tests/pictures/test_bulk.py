"""Many pictures at once: the same bytes on one core and on several."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.core.errors import OutputError
from hubtools.pictures import bulk as bulk_pictures
from hubtools.pictures.bulk import draw_all
from hubtools.pictures.theme import DARK
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import ThumbnailTask
from tests.pictures.difficult import DIFFICULT

NAMES = ("short", "emoji", "hebrew", "signs")
NO_FONT = "\U000f1234"


def tasks(folder: Path) -> list[ThumbnailTask]:
    return [ThumbnailTask(DIFFICULT[name], folder / f"{name}.png") for name in NAMES]


def test_on_several_cores_as_on_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_pictures, "WORTH_A_POOL", 2)
    monkeypatch.setattr(bulk_pictures, "CHUNK", 2)
    assert draw_all(tasks(tmp_path / "two"), DARK, jobs=2) == ()
    for name in NAMES:
        expected = draw_thumbnail(DIFFICULT[name], DARK).png
        assert (tmp_path / "two" / f"{name}.png").read_bytes() == expected


def test_what_no_font_has_is_said_once(tmp_path: Path) -> None:
    subject = replace(DIFFICULT["short"], prediction=f"My dream: {NO_FONT}")
    both = [ThumbnailTask(subject, tmp_path / f"{n}.png") for n in "ab"]
    assert draw_all(both, jobs=1) == (NO_FONT,)


def test_nothing_to_draw() -> None:
    assert draw_all([]) == ()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        draw_all([ThumbnailTask(DIFFICULT["short"], tmp_path / "file" / "a.png")])
