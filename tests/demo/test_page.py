"""The page in a real browser, from the upload to a published model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest

from hubtools.core.config import Project
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.sessions import DemoSessions
from tests.makers import command, posts, write_archive, write_recipe
from tests.signals import default_signals

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("gradio")

PATIENCE = 240_000  # milliseconds, on a machine with other things to do
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the page whose trainings take seconds."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    """A page whose trainings take seconds."""
    with serving_with(1, place) as found:
        yield found


@pytest.fixture
def slow_address(tmp_path: Path) -> Iterator[str]:
    """A page whose trainings take long."""
    with serving_with(400, tmp_path) as found:
        yield found


@contextmanager
def serving_with(epochs: int, place: Path) -> Iterator[str]:
    from hubtools.demo.server import DemoRequest, demo_server

    recipe = write_recipe(place / "tiny.toml", epochs=epochs)
    options = DemoOptions(
        base="scratch",
        prompt="My dream is",
        seed=1,
        recipe=str(recipe),
        to=f"local:{place / 'hub'}",
        limits=DemoLimits(max_upload_mb=1),
    )
    with demo_server(DemoRequest(project=Project(place), options=options, port=0)) as found:
        yield found


def visitor(browser: object, address: str, **context: Any) -> Page:
    """A visitor of their own, with cookies of their own."""
    page = cast("Browser", browser).new_context(**context).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_role("button", name="Read posts").wait_for()
    return page


def read_posts(page: Page, *files: Path) -> None:
    page.set_input_files("input[type=file]", list(files))
    page.get_by_text(files[-1].stem, exact=False).first.wait_for()
    page.get_by_role("button", name="Read posts").click()


def agree(page: Page) -> None:
    page.get_by_role("checkbox").check()
    page.locator("button:not([disabled])", has_text="Train").wait_for()


def train(page: Page) -> None:
    agree(page)
    page.get_by_role("button", name="Train", exact=True).click()


def test_from_upload_to_a_published_model(
    browser: object, address: str, archive: Path, place: Path
) -> None:
    page = visitor(browser, address)
    with closing(page.context):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        read_posts(page, archive)
        page.locator(".samples").wait_for()
        assert page.locator(".counts dd").all_inner_texts() == ["300", "0", "0", "300"]
        assert page.get_by_role("button", name="Train", exact=True).is_disabled()
        train(page)
        page.locator(".trained").wait_for()
        assert page.locator(".curve polyline").count() == 1
        page.get_by_label("Prompt", exact=True).fill("The heron")
        page.keyboard.press("Enter")
        page.get_by_role("radio", name="The heron").first.wait_for()
        page.locator(".predictions + *:has(progress)").wait_for(state="detached")
        chosen = page.locator(".predictions label").first
        text = chosen.inner_text()
        before = page.locator(".picture img").get_attribute("src")
        chosen.click()
        page.wait_for_function(
            "before => document.querySelector('.picture img').src !== before", arg=before
        )
        alt = page.locator(".picture img").get_attribute("alt") or ""
        assert alt.split() == text.split()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download model").click()
        with zipfile.ZipFile(downloading.value.path()) as download:
            names = download.namelist()
            readme = download.read("models/fogwatch/README.md").decode()
        assert "models/fogwatch/model.safetensors" in names and "cards/fogwatch.toml" in names
        assert not [name for name in names if "kept" in name or "upload" in name]
        assert "The heron" in readme
        page.get_by_role("button", name="Publish this model").click()
        page.get_by_role("button", name="Publish", exact=True).click()
        page.locator(".published", has_text="me/fogwatch").wait_for()
        web = [url for url in asked if urlsplit(url).scheme in ("http", "https", "ws", "wss")]
        assert {urlsplit(url).netloc for url in web} == {urlsplit(address).netloc}
    published = place / "hub"
    from huggingface_hub import HfApi

    from hubtools.localhub.server import serving as serving_hub

    with serving_hub(published) as endpoint:
        files = HfApi(endpoint, token=False).list_repo_files("me/fogwatch")
    assert {"README.md", "model.safetensors", "predictions.png", "run.json"} <= set(files)


def test_what_cannot_be_used_is_said_where_it_happened(
    browser: object, address: str, archive: Path, tmp_path: Path
) -> None:
    page = visitor(browser, address)
    half = tmp_path / "half.zip"
    half.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    few = write_archive(tmp_path / "few.zip", posts(20))
    with closing(page.context):
        page.get_by_role("button", name="Read posts").click()
        page.get_by_role("alert").wait_for()
        page.reload()
        read_posts(page, half)
        page.get_by_role("alert").get_by_text("half.zip").wait_for()
        said = page.get_by_role("alert").inner_text()
        assert "/" not in said, "where things lie on the machine is nobody's business"
        page.reload()
        page.get_by_label("Or public accounts").fill("/etc/passwd")
        page.get_by_role("button", name="Read posts").click()
        page.get_by_role("alert").get_by_text("/etc/passwd").wait_for()
        page.reload()
        read_posts(page, few)
        page.locator(".refusal[role=alert]").wait_for()
        assert not page.get_by_role("checkbox").is_visible()
        assert page.get_by_role("button", name="Train", exact=True).is_disabled()
        page.reload()
        read_posts(page, archive, few)
        page.locator("#remove-accounts").wait_for()
        page.reload()
        read_posts(page, archive)
        page.get_by_label("Model name").fill("Möwe 🐦")
        train(page)
        page.get_by_role("alert").get_by_text("Möwe 🐦").wait_for()
        assert page.get_by_role("button", name="Train", exact=True).is_enabled()


def test_a_visitor_stops_and_another_waits_and_sees_nothing(
    browser: object, slow_address: str, archive: Path, tmp_path: Path
) -> None:
    other_archive = write_archive(tmp_path / "b.zip", posts(200, seed=5), "quayside", "Quay")
    one, other = visitor(browser, slow_address), visitor(browser, slow_address)
    with closing(one.context), closing(other.context):
        read_posts(one, archive)
        train(one)
        one.locator(".curve").wait_for()
        read_posts(other, other_archive)
        other.get_by_text("Quay @quayside").wait_for()
        assert "fogwatch" not in other.content() and "quayside" not in one.content()
        train(other)
        other.get_by_text("queue:").wait_for()
        one.get_by_role("button", name="Stop").click()
        one.locator(".notice.good").wait_for()
        one.get_by_role("button", name="Resume").wait_for()
        other.locator(".curve").wait_for()
        other.get_by_role("button", name="Stop").click()
        other.get_by_role("button", name="Resume").wait_for()


def test_closing_the_page_deletes_everything(browser: object, address: str, archive: Path) -> None:
    from gradio.utils import get_upload_folder

    root = Path(get_upload_folder()).parent

    def files() -> set[Path]:
        return {path for path in root.rglob("*") if path.is_file() and path.stat().st_size}

    before = files()
    page = visitor(browser, address)
    read_posts(page, archive)
    page.locator(".samples").wait_for()
    copies = [path for path in files() - before if path.name == archive.name]
    assert len(copies) == 2  # the page's and the session's
    page.context.close()
    wait_until(lambda: files() <= before)


def wait_until(condition: Any) -> None:
    import time

    end = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def tab_to(page: Page, control: str) -> None:
    """Press Tab until a control has the focus, by its text or else its type, before the end."""
    what = "document.activeElement.innerText || document.activeElement.type"
    reached: list[str] = []
    while control not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(what))
        assert "A model of your own posts" not in reached[-1], f"{control} not in {reached}"


def test_a_phone_and_a_keyboard_are_enough(browser: object, address: str, archive: Path) -> None:
    page = visitor(browser, address, viewport=PHONE)
    with closing(page.context):
        read_posts(page, archive)
        page.locator(".samples").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.locator("h1").click()  # the keyboard begins at the top
        tab_to(page, "Read posts")
        tab_to(page, "checkbox")
        page.keyboard.press("Space")
        page.locator("button:not([disabled])", has_text="Train").wait_for()
        tab_to(page, "Train")
        words = json.dumps(page.locator("[role=status]").all_inner_texts())
        assert "Fog Watch" in words


def test_the_end_of_a_step_takes_back_nothing_that_was_ticked_or_typed(
    make_sessions: Callable[..., DemoSessions], options: DemoOptions, archive: Path, tmp_path: Path
) -> None:
    import gradio as gr

    from hubtools.demo.callbacks import LOCAL_HUB, DemoCallbacks

    callbacks = DemoCallbacks(options, make_sessions())
    request = gr.Request(session_hash="one")
    upload = shutil.copy(archive, tmp_path / "upload.zip")  # it goes with the session
    steps = [
        callbacks.read([str(upload)], "", request),
        callbacks.train(True, "", "", request),
        callbacks.predict("The heron", request),
        callbacks.choose("The heron flew.", "The heron", request),
        callbacks.publish(LOCAL_HUB, "me", "", request),
    ]
    for step in steps:
        *said, last = step
        assert last == [gr.skip()] * len(said[-1])  # Gradio sends the last one twice


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`hubtools demo` in a process of its own, with `folder` for temporary files; its address."""
    with default_signals():
        process = subprocess.Popen(
            [sys.executable, "-m", "hubtools", "demo", "--no-open", "--port", "0"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert process.stderr is not None
        found = next(line for line in process.stderr if "http://" in line)
        yield process, found.split()[-1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_serves_until_it_is_stopped(sign: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path) as (process, address):
        assert "A model of your own posts" in httpx2.get(address).text
        assert list(tmp_path.glob("hubtools-demo-*"))
        process.send_signal(sign)
        _, rest = process.communicate(timeout=PATIENCE / 1000)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    assert not list(tmp_path.glob("hubtools-demo-*"))


def test_what_a_killed_page_left_goes_when_the_next_one_starts(
    archive: Path, tmp_path: Path
) -> None:
    def upload(address: str) -> Path:
        with archive.open("rb") as file:
            done = httpx2.post(f"{address}/gradio_api/upload", files={"files": file})
        return Path(done.raise_for_status().json()[0])

    with started(tmp_path) as (killed, first), started(tmp_path) as (_, second):
        left, living = upload(first), upload(second)
        killed.kill()
        killed.wait()
        assert left.is_file()
        with started(tmp_path) as (third, _):
            folders = set(tmp_path.glob("hubtools-demo-*"))
            assert not left.exists()
            assert living.read_bytes() == archive.read_bytes()
            assert len(folders) == 2
            third.terminate()
            third.wait()
        assert living.is_file() and len(list(tmp_path.glob("hubtools-demo-*"))) == 1


def test_a_port_that_is_taken_is_an_error_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = command("demo", "--no-open", "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"Error: 127.0.0.1:{port}: ")
