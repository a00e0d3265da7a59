"""`make gallery`: every difficult card stands beside its thumbnails, and all pictures are there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import REPOSITORY
from tests.pictures.difficult import DIFFICULT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BESIDE = """section => {
    const box = name => section.querySelector(name).getBoundingClientRect();
    const [large, card, small] = [box('.large'), box('article'), box('.small')];
    return large.right < card.left && card.right < small.left && card.top === large.top
        && card.height === large.height && card.width > 300;
}"""


def test_cards_and_thumbnails_stand_next_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    spec = importlib.util.spec_from_file_location("gallery", REPOSITORY / "docs/make_gallery.py")
    assert spec and spec.loader
    gallery = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gallery", gallery)
    spec.loader.exec_module(gallery)
    monkeypatch.setattr(gallery, "GALLERY", tmp_path)
    gallery.main()
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    page.goto((tmp_path / "index.html").as_uri())
    exhibits = page.locator("section:has(article)")
    assert exhibits.count() == len(DIFFICULT) == 20
    assert all(exhibit.evaluate(BESIDE) for exhibit in exhibits.all())
    widths = page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert min(widths) > 0
    page.close()
