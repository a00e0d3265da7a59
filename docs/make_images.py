"""Make the pictures of the README from what `make demo` made.

    make demo && .venv/bin/python docs/make_images.py

Needs playwright and a Chromium (`--chromium` says where).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from hubtools.localhub.server import serving

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MODEL = "me/harbourlog"
WIDTH = 1120  # CSS pixels


def main() -> None:
    """Copy the thumbnail, and photograph the model's page on the local Hub."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    chromium = parser.parse_args().chromium
    IMAGES.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "models/harbourlog/predictions.png", IMAGES / "predictions.png")
    with serving(ROOT / "hub") as endpoint, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1400}, device_scale_factor=1)
        page.goto(f"{endpoint}/{MODEL}")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
