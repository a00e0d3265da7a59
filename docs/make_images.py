"""Make the pictures of the README from the result of `make demo`.

    make demo && .venv/bin/python docs/make_images.py

Needs playwright, Chromium (`--chromium PATH`) and the extra `demo`. The gallery shows the demo's
model and some invented ones that have cards and pictures only. The text in the prompt box differs
from run to run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.render import CardRenderer
from hubtools.core.config import Project
from hubtools.core.results import Prediction
from hubtools.demo.options import DemoOptions
from hubtools.demo.server import DemoRequest, demo_server
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import Face, ThumbnailSubject

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
DEMO = ROOT / "demo"
MODEL = "me/harbourlog"
WIDTH, PHONE = 1200, 400  # CSS pixels
INVENTED = (
    ("quietkettle", "A Very Quiet Kettle", "Nobody", "Nobody warned the teacups about Thursday."),
    ("oldlighthouse", "Old Lighthouse", "My dream is", "My dream is to blink first, just once."),
    ("fogwatch", "Fog Watch", "Today", "Today the fog asked to see the manager of the horizon."),
    ("ropeledger", "Rope Ledger & Sons", "The rope", "The rope forgives no knot. It remembers."),
    ("nightferry", "The Nightferry", "I think", "I think the ferry is a rumour with a timetable."),
)


def main() -> None:
    """Copy the thumbnail and take screenshots of the local Hub and the demo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    chromium = parser.parse_args().chromium
    IMAGES.mkdir(exist_ok=True)
    shutil.copyfile(DEMO / "models/harbourlog/predictions.png", IMAGES / "predictions.png")
    with tempfile.TemporaryDirectory() as folder:
        hub = Path(folder) / "hub"
        shutil.copytree(DEMO / "hub", hub)
        add_invented(hub)
        with serving(hub) as endpoint, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            screenshot_hub(browser, endpoint)
            screenshot_demo(browser)
            browser.close()


def screenshot_hub(browser: Browser, endpoint: str) -> None:
    """The gallery, the model's page with predictions, and the same on a phone in dark mode."""
    with window(browser, WIDTH, 830) as page:
        page.goto(endpoint)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "gallery.png")
    with window(browser, WIDTH, 1130) as page:
        generate(page, endpoint)
        page.screenshot(path=IMAGES / "card.png")
    with window(browser, PHONE, 860, dark=True) as page:
        generate(page, endpoint)
        page.screenshot(path=IMAGES / "phone.png")


def screenshot_demo(browser: Browser) -> None:
    """The demo's page while it trains on the example's archive."""
    options = DemoOptions(base="scratch", prompt="My dream is", seed=42)
    request = DemoRequest(project=Project(DEMO), options=options, port=0)
    at_a_fifth = "bar => bar?.max > 1 && bar.value / bar.max > 0.2"
    with (
        demo_server(request) as address,
        window(browser, 880, 1000) as page,
    ):
        page.set_default_timeout(1_200_000)
        page.goto(address)
        page.set_input_files("input[type=file]", ROOT / "examples" / "harbourlog.zip")
        page.get_by_text("harbourlog").first.wait_for()
        page.get_by_role("button", name="Read posts").click()
        page.get_by_role("checkbox").check()
        page.locator("button:not([disabled])", has_text="Train").click()
        page.locator(".working svg").wait_for()
        page.wait_for_function(f"({at_a_fifth})(document.querySelector('.working progress'))")
        page.evaluate("scrollTo(0, 0)")  # bounding boxes are relative to the window
        first = page.locator(".posts").bounding_box()
        last = page.locator(".working").bounding_box()
        assert first is not None and last is not None
        top, bottom = first["y"] - 8, last["y"] + last["height"] + 24
        page.screenshot(
            path=IMAGES / "demo.png",
            full_page=True,
            clip={"x": 0, "y": top, "width": 880, "height": bottom - top},
        )


@contextmanager
def window(browser: Browser, width: int, height: int, *, dark: bool = False) -> Iterator[Page]:
    """A page in a window of that size in CSS pixels."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    yield context.new_page()
    context.close()


def generate(page: Page, endpoint: str) -> None:
    """Open the model's page, generate predictions, and show the first picture."""
    page.goto(f"{endpoint}/{MODEL}")
    page.get_by_label("Prompt").fill("The Nightferry is")
    page.get_by_role("button", name="Generate").click()
    page.locator("#status", has_text="5 predictions").wait_for(timeout=120_000)
    first = page.locator("#predictions li").first
    first.get_by_role("button", name="Picture").click()
    first.locator("img").evaluate("image => image.decode()")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")


def add_invented(hub: Path) -> None:
    """Commit a card and a thumbnail for each invented account."""
    renderer = CardRenderer("quiet-water", "https://huggingface.co")
    with closing(Store(hub)) as store:
        for handle, name, prompt, text in INVENTED:
            card = Card(
                repo=handle,
                language="en",
                base_model="openai-community/gpt2",
                prompt=prompt,
                tags=("huggingtweets",),
                accounts=(CardAccount(handle=handle, name=name, network="x"),),
                predictions=(Prediction(prompt=prompt, text=text),),
            )
            subject = ThumbnailSubject((Face(name, handle, None),), prompt, text)
            files = {
                "README.md": renderer.render(card).encode(),
                "predictions.png": draw_thumbnail(subject).png,
            }
            repo_id = RepoId("quiet-water", handle)
            store.create(repo_id, author="me")
            store.put(repo_id, files, author="me", title=f"Publish {handle}")


if __name__ == "__main__":
    main()
