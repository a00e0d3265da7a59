"""The prompt box: a tiny model is prompted for real, in a browser and over HTTP."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from huggingface_hub import HfApi

from hubtools.core import extras
from hubtools.localhub.api import create_app
from hubtools.localhub.inference_client import InferenceClient
from hubtools.localhub.inference_messages import GenerationFailed
from hubtools.localhub.inference_queue import InferenceQueue, TooManyRequestsError
from hubtools.localhub.store import Store
from tests.localhub.conftest import Visit
from tests.localhub.models import put, put_model
from tests.localhub.test_durability import start_server

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def model(store: Store, url: str, tiny_gpt2: Path) -> str:
    """The address of a model that can be prompted."""
    put_model(store, "quay/tiny", weights=tiny_gpt2)
    return f"{url}/quay/tiny"


def run(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """The result of a coroutine; in a thread of its own, for Playwright has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _all_done(page: Page) -> None:
    page.locator("#status", has_text="5 predictions").wait_for(timeout=120_000)


def predict(model: str, **body: object) -> list[dict[str, Any]]:
    """All events of a prompt."""
    answer = httpx2.post(f"{model}/predict", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_predictions_come_as_they_are_made(model: str) -> None:
    messages = predict(model, prompt="Today the heron", count=2)
    assert messages[0] == {"type": "loading"}
    done = [message for message in messages if message.get("done")]
    assert [message.get("index") for message in done] == [0, 1]
    assert all(message["text"].startswith("Today the heron") for message in done)
    assert done[0]["text"] != done[1]["text"]
    grown = [m["text"] for m in messages if m.get("index") == 0]
    assert len(grown) > 1 and all(done[0]["text"].startswith(text[:-3]) for text in grown)
    assert predict(model, prompt="", count=1)[0]["type"] == "text"


def test_a_visitor_gets_predictions_and_pictures(model: str, visit: Visit) -> None:
    page = visit(model)
    page.get_by_label("Prompt").fill("Today our lighthouse")
    page.keyboard.press("Enter")
    _all_done(page)
    predictions = page.locator("#predictions li")
    assert predictions.count() == 5
    assert predictions.first.locator("b").inner_text() == "Today our lighthouse"
    predictions.first.get_by_role("button", name="Picture").click()
    picture = predictions.first.locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
    text = picture.get_attribute("alt")
    predictions.first.get_by_role("link", name="Link").click()
    page.wait_for_url("**/share/*")
    assert page.locator("blockquote").inner_text().split() == (text or "").split()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_box_is_accessible_and_fits(model: str, visit: Visit, scheme: str, width: int) -> None:
    page = visit(model, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.get_by_label("Prompt").fill("Donaudampfschifffahrt" * 2)
    page.get_by_role("button", name="Generate").click()
    _all_done(page)
    page.locator("#predictions li").first.get_by_role("button", name="Picture").click()
    page.locator("#predictions img").wait_for()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_visitor_can_stop(model: str, visit: Visit) -> None:
    page = visit(model)
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert page.locator("#predictions .growing").count() == 0
    assert page.get_by_role("button", name="Generate").is_enabled()


def test_one_request_runs_at_a_time_and_the_others_wait(model: str) -> None:
    answers: list[list[dict[str, Any]]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(predict(model, prompt="A gull", count=4)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    assert sorted(max(m.get("ahead", 0) for m in answer) for answer in answers) == [0, 1, 2]
    assert all(sum(m.get("done", False) for m in answer) == 4 for answer in answers)


def test_a_visitor_who_leaves_makes_room(model: str) -> None:
    with httpx2.stream("POST", f"{model}/predict", json={"prompt": "The fog", "count": 10}) as left:
        next(left.iter_lines())
    assert predict(model, prompt="The fog", count=1)[-1]["done"]


def test_a_model_that_does_not_load_is_an_error(model: str, store: Store) -> None:
    put(store, "quay/tiny", {"config.json": b'{"model_type": "gpt2", "n_layer": "many"}'})
    assert predict(model, prompt="x")[-1]["type"] == "error"
    put(store, "quay/tiny", {"config.json": b"not json"})
    assert predict(model, prompt="x")[-1]["type"] == "error"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prompt": "x" * 401}, 413),
        ({"prompt": "x", "count": 11}, 400),
        ({"prompt": "x", "count": True}, 400),
        ({"prompt": 3}, 400),
        ({}, 400),
    ],
)
def test_invalid_requests_are_refused(model: str, body: dict[str, object], status: int) -> None:
    answer = httpx2.post(f"{model}/predict", json=body)
    assert answer.status_code == status and answer.json()["error"]


def test_large_bodies_and_foreign_pages_are_refused(model: str) -> None:
    long = httpx2.post(f"{model}/predict", json={"prompt": "x", "more": "y" * 20_000})
    assert long.status_code == 413
    foreign = {"Origin": "https://evil.example"}
    assert httpx2.post(f"{model}/predict", json={"prompt": "x"}, headers=foreign).status_code == 403
    form = {"Content-Type": "text/plain"}
    assert httpx2.post(f"{model}/predict", content="{}", headers=form).status_code == 400


def test_a_prompt_of_too_many_tokens_is_an_error(model: str) -> None:
    (error,) = [m["error"] for m in predict(model, prompt="qz" * 200) if "error" in m]
    assert "tokens long" in error


def test_without_torch_the_page_names_the_extra(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert "hf-hubtools[train]" in httpx2.get(model).text
    answer = httpx2.post(f"{model}/predict", json={"prompt": "x"})
    assert answer.status_code == 501 and "hf-hubtools[train]" in answer.json()["error"]


def test_a_repository_without_weights_has_no_box(url: str, store: Store) -> None:
    put(store, "quay/empty", {"README.md": b"# Empty"})
    page = httpx2.get(f"{url}/quay/empty").text
    assert 'id="prompting-title"' in page and 'id="prompt-form"' not in page
    assert httpx2.post(f"{url}/quay/empty/predict", json={"prompt": "x"}).status_code == 501


def test_prompting_can_be_switched_off(store: Store, url: str, tiny_gpt2: Path) -> None:
    put_model(store, "quay/tiny", weights=tiny_gpt2)
    from starlette.testclient import TestClient

    client = TestClient(create_app(store, inference=False), base_url="http://localhost")
    page = client.get("/quay/tiny").text
    assert "turned off" in page and 'id="prompt-form"' not in page
    assert client.post("/quay/tiny/predict", json={"prompt": "x"}).status_code == 501


def test_a_private_model_is_not_prompted_by_others(
    store: Store, url: str, api: HfApi, tiny_gpt2: Path
) -> None:
    from starlette.testclient import TestClient

    from hubtools.localhub.access import Access

    put_model(store, "quay/tiny", weights=tiny_gpt2)
    api.update_repo_settings("quay/tiny", private=True)
    app = create_app(store, access=Access(token="hf_secret"))
    client = TestClient(app, base_url="http://localhost")
    assert client.post("/quay/tiny/predict", json={"prompt": "x"}).status_code == 404


def test_the_queue_is_short_and_fair() -> None:
    queue = InferenceQueue()
    tickets = [queue.enter("a") for _ in range(3)]
    with pytest.raises(TooManyRequestsError):
        queue.enter("a")
    tickets += [queue.enter(address) for address in "bbbcc"]
    with pytest.raises(TooManyRequestsError):
        queue.enter("d")
    assert [queue.ahead(ticket) for ticket in tickets] == list(range(8))
    queue.leave(tickets[0])
    assert queue.ahead(tickets[1]) == 0


def test_an_address_has_a_limit_per_minute() -> None:
    now = 0.0
    queue = InferenceQueue(clock=lambda: now)
    for _ in range(20):
        queue.leave(queue.enter("a"))
    with pytest.raises(TooManyRequestsError):
        queue.enter("a")
    queue.leave(queue.enter("b"))
    now = 61.0
    queue.leave(queue.enter("a"))


def test_the_worker_gets_no_token_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    given: dict[str, Any] = {}

    async def start(*command: str, **options: Any) -> None:
        given.update(options)
        raise BrokenPipeError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)

    async def one() -> list[Any]:
        events = InferenceClient().generate(Path("/nowhere"), "x", 1, 1)
        return [event async for event in events]

    assert isinstance(run(one())[0], GenerationFailed)
    assert "HF_TOKEN" not in given["env"] and given["env"]["HF_HUB_OFFLINE"] == "1"


def test_a_slow_model_times_out(tiny_gpt2: Path) -> None:
    async def one() -> list[Any]:
        slow = InferenceClient(timeout=0.0)
        events = [event async for event in slow.generate(tiny_gpt2, "x", 1, 1)]
        await slow.close()
        return events

    assert isinstance(run(one())[-1], GenerationFailed)


def test_ctrl_c_stops_a_server_that_is_generating(root: Path, tiny_gpt2: Path) -> None:
    with closing(Store(root)) as store:
        put_model(store, "quay/tiny", weights=tiny_gpt2)
    process, url = start_server(root)
    body = {"prompt": "A gull", "count": 10}
    with (
        suppress(httpx2.TransportError),
        httpx2.stream("POST", f"{url}/quay/tiny/predict", json=body, timeout=60) as answer,
    ):
        for _ in answer.iter_lines():
            process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in stderr
