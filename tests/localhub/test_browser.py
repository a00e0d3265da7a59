"""The pages in a real Chromium: what a visitor sees, with any eyes, on any screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from hubtools.cards.escape import visible
from hubtools.fleet.page import fleet_summary, write_summary
from hubtools.fleet.state import FleetFailure, FleetState
from hubtools.localhub.store import Store
from tests.cards.samples import HARBOUR, HOSTILE_TEXTS
from tests.localhub.conftest import Visit
from tests.localhub.models import put, put_model

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = (
    "/",
    "/?q=nothing+like+it",
    "/quay",
    "/quay/log",
    "/quay/log/tree/main",
    "/quay/log/blob/main/run.json",
    "/quay/log/blob/main/predictions.png",
    "/quay/log/commits/main",
    "/quay/log/commit/main",
    "/quay/log/run",
    "/quay/log/share/1",
    "/quay/hostile",
    "/quay/bare",
    "/-/fleets",
    "/-/fleets/quay-1a2b3c",
)
HOSTILE = replace(
    HARBOUR,
    accounts=tuple(
        replace(HARBOUR.accounts[0], name=text, handle=None) for text in HOSTILE_TEXTS[:9]
    ),
    prompt=HOSTILE_TEXTS[0],
    predictions=tuple(replace(HARBOUR.predictions[0], text=text) for text in HOSTILE_TEXTS),
)


@pytest.fixture
def hub(url: str, store: Store) -> str:
    """A Hub with a whole model, a hostile one and an empty one."""
    put_model(store, "quay/log")
    put(store, "quay/log", {"config.json": b'{"a": 1}', "folder/deep/b.txt": b"b"}, "More files")
    put_model(store, "quay/hostile", card=HOSTILE)
    put(store, "quay/bare", {"notes.bin": bytes(range(256))})
    scores = {f"m{number}": 2 + number % 7 / 100 for number in range(40)}
    state = FleetState(
        manifest="quay.toml", shard="1/1", to="quay on here", process=1, machine="here", workers=1,
        started=1.8e9, updated=1.8e9, end="partly", total=42, already_done=1, trained=40,
        published=40, remaining=0, failed=1, seconds=1.0, models_per_hour=1.0, seconds_left=None,
        device_utilization=0.5, running=(),
        failures=(FleetFailure(HOSTILE_TEXTS[0], "row 9", HOSTILE_TEXTS[1], 1),),
    )  # fmt: skip
    file = store.root / "fleets" / "quay-1a2b3c.json"
    write_summary(file, fleet_summary(state, {**scores, "log": 9.0}, "quay"))
    return url


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_is_accessible_and_fits(hub: str, visit: Visit, scheme: str, width: int) -> None:
    page = visit(hub, color_scheme=scheme, viewport={"width": width, "height": 800})
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if scheme == "dark":  # only the colors differ
        options["runOnly"] = ["color-contrast"]
    for path in PAGES:
        page.goto(hub + path)
        found = Axe().run(page, options=options)
        assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", [1280, 360])
def test_long_words_fit(url: str, store: Store, visit: Visit, width: int) -> None:
    said = replace(HARBOUR.predictions[0], text="My dream is " + "Dampfschifffahrt" * 13)
    put_model(store, "quay/word", card=replace(HARBOUR, predictions=(said,)))
    page = visit(url, viewport={"width": width, "height": 800})
    for path in ("/", "/quay/word", "/quay/word/share/1"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_all_tabs_are_in_sight_on_a_phone(hub: str, visit: Visit) -> None:
    page = visit(f"{hub}/quay/log", viewport={"width": 360, "height": 800})
    tabs = page.get_by_role("navigation", name="Model")
    assert tabs.evaluate("tabs => tabs.scrollWidth <= tabs.clientWidth")


def test_right_to_left_predictions_run_that_way(url: str, store: Store, visit: Visit) -> None:
    texts = ("البحر لا ينام.", "The sea does not sleep.")
    predictions = tuple(replace(HARBOUR.predictions[0], prompt="", text=text) for text in texts)
    put_model(store, "quay/sea", card=replace(HARBOUR, predictions=predictions))
    direction = "node => getComputedStyle(node).direction"
    page = visit(f"{url}/quay/sea")
    shares = page.locator(".share-links a")
    assert [share.evaluate(direction) for share in shares.all()] == ["rtl", "ltr"]
    for number, expected in ((1, "rtl"), (2, "ltr")):
        page.goto(f"{url}/quay/sea/share/{number}")
        assert page.locator("blockquote").evaluate(direction) == expected


def test_a_changed_picture_is_shown_beside_the_one_before(
    url: str, store: Store, visit: Visit
) -> None:
    put_model(store, "quay/log")
    other = replace(HARBOUR.predictions[0], text="My dream is fog")
    put_model(store, "quay/log", card=replace(HARBOUR, predictions=(other,)))
    page = visit(f"{url}/quay/log/commit/main")
    change = page.locator(".change", has=page.locator(".path", has_text="predictions.png"))
    assert change.locator(".sum").inner_text().count(" → ") == 1
    assert change.locator("figure").all_inner_texts() == ["before", "after"]
    for picture in change.locator("img").all():
        assert picture.is_visible()


def test_dark_mode_is_dark(hub: str, visit: Visit) -> None:
    def brightness(scheme: str) -> float:
        page = visit(f"{hub}/quay/log", color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(", "))) / 3

    assert brightness("dark") < 60 < 200 < brightness("light")


def test_the_gallery_and_a_search(hub: str, visit: Visit) -> None:
    page = visit(hub)
    assert _titles(page) == ["quay/bare", "quay/hostile", "quay/log"]
    picture = page.locator(".tile", has_text="quay/log").locator("img")
    assert picture.evaluate("image => image.naturalWidth") == 1200
    assert picture.get_attribute("alt") == HARBOUR.predictions[0].text
    page.get_by_role("link", name="Name", exact=True).click()
    assert page.get_by_role("link", name="Name", exact=True).get_attribute("aria-current")
    page.get_by_role("searchbox").fill("LOG quay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=LOG+quay")
    assert _titles(page) == ["quay/log"]
    page.get_by_role("link", name="quay/log").click()
    page.wait_for_url("**/quay/log")
    assert page.get_by_role("heading", level=1).inner_text() == "quay/log"


def test_a_fleet_shows_outliers_and_failures(hub: str, visit: Visit) -> None:
    page = visit(hub)
    page.get_by_role("link", name="Fleets").click()
    page.get_by_role("link", name="quay.toml").click()
    assert "41 of 42 models" in page.locator("main").inner_text()
    assert page.locator("svg rect").count() == 24
    assert visible(HOSTILE_TEXTS[1]) in visible(page.locator("main").inner_text())
    page.get_by_role("link", name="log").click()
    assert page.url == f"{hub}/quay/log"


def test_the_tabs_of_a_model(hub: str, visit: Visit) -> None:
    page = visit(f"{hub}/quay/log")
    tabs = page.get_by_role("navigation", name="Model")
    tabs.get_by_role("link", name="Files").click()
    page.get_by_role("link", name="folder/").click()
    page.get_by_role("link", name="deep/").click()
    page.get_by_role("link", name="b.txt", exact=True).click()
    page.wait_for_url("**/b.txt")
    assert page.locator(".lines .code").all_inner_texts() == ["b"]
    tabs.get_by_role("link", name="History").click()
    page.get_by_role("link", name="More files").click()
    page.wait_for_url("**/commit/*")
    assert page.locator("summary .path").all_inner_texts() == ["config.json", "folder/deep/b.txt"]
    tabs.get_by_role("link", name="Training").click()
    page.wait_for_url("**/run")
    assert page.get_by_role("img", name="Training loss").count() == 1
    assert page.get_by_text("1,234").count() == 0 and page.get_by_text("1234").count() == 1


def test_hostile_names_are_only_words(hub: str, visit: Visit) -> None:
    page = visit(f"{hub}/quay/hostile")
    assert page.locator("main script, main iframe, main svg").count() == 0
    assert HOSTILE_TEXTS[0] in page.locator(".readme").inner_text()
    assert page.locator("#prompt").count() == 0  # no weights, no box
    assert page.locator(".share-links a").all_inner_texts() == [visible(t) for t in HOSTILE_TEXTS]
    assert page.locator(".share-links a *").count() == 0
    page.locator(".share-links a").first.click()
    page.wait_for_url("**/share/1")
    assert page.locator("blockquote").inner_text() == HOSTILE_TEXTS[0]


def test_everything_but_the_box_works_without_javascript(hub: str, visit: Visit) -> None:
    page = visit(hub, java_script_enabled=False)
    page.get_by_role("searchbox").fill("log")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=log")
    page.get_by_role("link", name="quay/log").click()
    page.wait_for_url("**/quay/log")
    assert page.locator(".readme h2").first.is_visible()
    page.locator(".share-links a").first.click()
    page.wait_for_url("**/share/1")
    assert page.get_by_role("link", name="Save picture").is_visible()
    assert not page.get_by_role("button", name="Copy").first.is_visible()


def test_the_keyboard_alone_reaches_a_model(hub: str, visit: Visit) -> None:
    page = visit(hub)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "quay/log":
            break
    outline = "getComputedStyle(document.activeElement.closest('.tile')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/quay/log")


def _titles(page: Page) -> list[str]:
    return page.locator(".tile h2").all_inner_texts()
