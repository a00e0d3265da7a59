"""The prompt box: a tiny model really prompted, in a browser and over HTTP."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from huggingface_hub import HfApi

from hubtools.localhub import inference_client, prompt_api
from hubtools.localhub.api import create_app
from hubtools.localhub.prompt_api import BusyError, Line
from hubtools.localhub.store import Store
from tests.localhub.conftest import Visit
from tests.localhub.models import put, put_model
from tests.localhub.test_durability import start_server


@pytest.fixture
def model(store: Store, url: str, tiny_gpt2: Path) -> str:
    """The address of a model that can be prompted."""
    put_model(store, "quay/tiny", weights=tiny_gpt2)
    return f"{url}/quay/tiny"


def run(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """The result of a coroutine; in a thread of its own, for Playwright has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def ask(model: str, **body: object) -> list[dict[str, Any]]:
    """All that the model's box answers."""
    answer = httpx2.post(f"{model}/predict", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_predictions_come_as_they_are_made(model: str) -> None:
    messages = ask(model, prompt="Today the heron", count=2)
    assert messages[0] == {"loading": True}
    whole = [message for message in messages if message.get("done")]
    assert [message["number"] for message in whole] == [0, 1]
    assert all(message["text"].startswith("Today the heron") for message in whole)
    assert whole[0]["text"] != whole[1]["text"]
    grown = [m["text"] for m in messages if m.get("number") == 0]
    assert len(grown) > 1 and all(whole[0]["text"].startswith(text[:-3]) for text in grown)
    assert "loading" not in ask(model, prompt="", count=1)[0]


def test_a_visitor_gets_predictions_and_pictures(model: str, visit: Visit) -> None:
    page = visit(model)
    page.get_by_label("The start of a post").fill("Today our lighthouse")
    page.keyboard.press("Enter")
    page.get_by_text("5 new predictions. A machine wrote them.").wait_for(timeout=120_000)
    said = page.locator("#said li")
    assert said.count() == 5
    assert said.first.locator("b").inner_text() == "Today our lighthouse"
    said.first.get_by_role("button", name="Picture").click()
    picture = said.first.locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
    text = picture.get_attribute("alt")
    said.first.get_by_role("link", name="Link").click()
    page.wait_for_url("**/share/*")
    assert page.locator("blockquote").inner_text().split() == (text or "").split()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_box_is_accessible_and_fits(model: str, visit: Visit, scheme: str, width: int) -> None:
    page = visit(model, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.get_by_label("The start of a post").fill("Donaudampfschifffahrt" * 2)
    page.get_by_role("button", name="Continue it").click()
    page.get_by_text("5 new predictions. A machine wrote them.").wait_for(timeout=120_000)
    page.locator("#said li").first.get_by_role("button", name="Picture").click()
    page.locator("#said img").wait_for()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_visitor_can_stop(model: str, visit: Visit) -> None:
    page = visit(model)
    page.get_by_role("button", name="Continue it").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert page.locator("#said .growing").count() == 0
    assert page.get_by_role("button", name="Continue it").is_enabled()


def test_one_speaks_at_a_time_and_the_others_wait(model: str) -> None:
    answers: list[list[dict[str, Any]]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(model, prompt="A gull", count=10)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    assert sorted(max(m.get("waiting", 0) for m in answer) for answer in answers) == [0, 1, 2]
    assert all(sum(m.get("done", False) for m in answer) == 10 for answer in answers)


def test_who_goes_away_makes_room(model: str) -> None:
    with httpx2.stream("POST", f"{model}/predict", json={"prompt": "The fog", "count": 10}) as left:
        next(left.iter_lines())
    assert ask(model, prompt="The fog", count=1)[-1]["done"]


def test_a_model_that_cannot_be_loaded_is_said(model: str, store: Store) -> None:
    put(store, "quay/tiny", {"config.json": b'{"model_type": "gpt2", "n_layer": "many"}'})
    assert "cannot be loaded" in ask(model, prompt="x")[-1]["error"]
    put(store, "quay/tiny", {"config.json": b"not json"})
    assert "cannot be loaded" in ask(model, prompt="x")[-1]["error"]


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
def test_what_is_too_much_is_refused(model: str, body: dict[str, object], status: int) -> None:
    answer = httpx2.post(f"{model}/predict", json=body)
    assert answer.status_code == status and answer.json()["error"]


def test_large_bodies_and_foreign_pages_are_refused(model: str) -> None:
    long = httpx2.post(f"{model}/predict", json={"prompt": "x", "more": "y" * 20_000})
    assert long.status_code == 413
    foreign = {"Origin": "https://evil.example"}
    assert httpx2.post(f"{model}/predict", json={"prompt": "x"}, headers=foreign).status_code == 403
    form = {"Content-Type": "text/plain"}
    assert httpx2.post(f"{model}/predict", content="{}", headers=form).status_code == 400


def test_a_long_prompt_in_tokens_is_said(model: str) -> None:
    (error,) = [m["error"] for m in ask(model, prompt="qz" * 200) if "error" in m]
    assert "tokens long" in error


def test_without_torch_the_page_says_what_to_install(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_api, "find_spec", lambda name: None)
    assert "pip install &#39;hf-hubtools[train]&#39;" in httpx2.get(model).text
    answer = httpx2.post(f"{model}/predict", json={"prompt": "x"})
    assert answer.status_code == 501 and "hf-hubtools[train]" in answer.json()["error"]


def test_a_repository_without_weights_has_no_box(url: str, store: Store) -> None:
    put(store, "quay/empty", {"README.md": b"# Empty"})
    assert "nothing to prompt" in httpx2.get(f"{url}/quay/empty").text
    assert httpx2.post(f"{url}/quay/empty/predict", json={"prompt": "x"}).status_code == 501


def test_prompting_can_be_switched_off(store: Store, url: str, tiny_gpt2: Path) -> None:
    put_model(store, "quay/tiny", weights=tiny_gpt2)
    from starlette.testclient import TestClient

    client = TestClient(create_app(store, prompting=False), base_url="http://localhost")
    assert "Prompting is switched off here." in client.get("/quay/tiny").text
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


def test_the_line_is_short_and_fair() -> None:
    line = Line()
    places = [line.enter("a") for _ in range(3)]
    with pytest.raises(BusyError):
        line.enter("a")
    places += [line.enter(address) for address in "bbbcc"]
    with pytest.raises(BusyError):
        line.enter("d")
    assert [line.ahead(place) for place in places] == list(range(8))
    line.leave(places[0])
    assert line.ahead(places[1]) == 0


def test_nobody_asks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line, now = Line(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in range(20):
        line.leave(line.enter("a"))
    with pytest.raises(BusyError):
        line.enter("a")
    line.leave(line.enter("b"))
    now = 61.0
    line.leave(line.enter("a"))


def test_the_process_gets_no_token_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    given: dict[str, Any] = {}

    async def start(*command: str, **options: Any) -> None:
        given.update(options)
        raise BrokenPipeError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)

    async def one() -> list[Any]:
        said = inference_client.Speaker().say(Path("/nowhere"), "x", 1, 1)
        return [message async for message in said]

    assert "error" in run(one())[0]
    assert "HF_TOKEN" not in given["env"] and given["env"]["HF_HUB_OFFLINE"] == "1"


def test_a_slow_model_is_given_up(tiny_gpt2: Path) -> None:
    async def one() -> list[Any]:
        slow = inference_client.Speaker(patience=0.0)
        messages = [message async for message in slow.say(tiny_gpt2, "x", 1, 1)]
        await slow.close()
        return messages

    assert "longer than" in run(one())[-1]["error"]


def test_ctrl_c_ends_a_server_that_is_speaking(root: Path, tiny_gpt2: Path) -> None:
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
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said
