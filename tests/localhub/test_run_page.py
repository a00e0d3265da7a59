"""The page of a run's record."""

from __future__ import annotations

import json
import re

import httpx2
import pytest

from hubtools.core.run_record import sealed_record
from hubtools.localhub.run_page import loss_chart, summarize_run
from hubtools.localhub.store import Store
from tests.localhub.models import RECORD, put, put_model


def rows(page: str) -> dict[str, str]:
    """The names and values of a page's lists."""
    return dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page))


def test_it_shows_sources_settings_and_metrics(url: str, store: Store) -> None:
    put_model(store, "quay/log")
    page = httpx2.get(f"{url}/quay/log/run").text
    assert "Source: Harbour Log ⚓" in page
    shown = rows(page)
    for label, value in {
        "Downloaded": "1,510",
        "Parameters": "2,271,360",
        "Epochs": "3",
        "Best epoch": "2",
        "Training loss": "1.2841",
        "Validation loss": "1.5172",
        "Test loss": "2.0125",
        "Perplexity": "7.482",
        "Bits per byte": "1.4334",
        "Base": "scratch",
        "Seed": "1234",
    }.items():
        assert shown[label] == value, label
    assert page.count(">unchanged<") == 2
    put(store, "quay/log", {"predictions.png": b"another"})
    page = httpx2.get(f"{url}/quay/log/run").text
    assert (page.count(">unchanged<"), page.count(">changed<")) == (1, 1)


def test_an_edited_record_is_shown_as_it_is(url: str, store: Store) -> None:
    record = json.loads(sealed_record(RECORD))
    record["run"]["evaluation"]["bits_per_byte"] = 0.1
    put(store, "quay/log", {"run.json": json.dumps(record).encode()})
    page = httpx2.get(f"{url}/quay/log/run").text
    assert 'class="raw"' in page and "&#34;bits_per_byte&#34;: 0.1" in page


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b"\xff", b"null", b'"x"', b"[" * 100_000])
def test_any_bytes_have_a_page(data: bytes) -> None:
    assert summarize_run(data, {}).raw is not None


@pytest.mark.parametrize(
    "record",
    [
        {"run": 3, "sources": "x", "files": []},
        {
            "run": {"train_losses": ["x"], "history": [3, {"step": "x"}], "versions": []},
            "sources": [1, None],
            "settings": [],
        },
        {"run": {"training": {"a": {"b": [1, True, None]}}}, "files": {"a": 1}},
    ],
)
def test_a_sealed_record_of_another_shape_has_a_page(
    url: str, store: Store, record: dict[str, object]
) -> None:
    put(store, "quay/odd", {"run.json": sealed_record(record).encode()})
    assert httpx2.get(f"{url}/quay/odd/run").status_code == 200


def test_without_a_record_there_is_neither_page_nor_tab(url: str, store: Store) -> None:
    put(store, "me/m", {"README.md": b"# x"})
    assert httpx2.get(f"{url}/me/m/run").status_code == 404
    assert "/me/m/run" not in httpx2.get(f"{url}/me/m").text


def test_the_chart_goes_from_the_highest_to_the_lowest_loss() -> None:
    def history(*losses: float, step: int = 10) -> list[dict[str, float]]:
        return [{"step": n * step, "train_loss": loss} for n, loss in enumerate(losses, 1)]

    points = history(3.0, 1.0, 2.0)
    points[1]["val_loss"] = 2.5
    chart = loss_chart(points)
    assert chart is not None
    assert (chart.train, chart.val) == ("0.0,0.0 300.0,160.0 600.0,80.0", "300.0,40.0")
    assert (chart.first, chart.last, chart.steps) == (3.0, 2.0, 30)
    assert loss_chart(history(1.0)) is None and loss_chart(history(1.0, float("nan"))) is None
    assert loss_chart("12") is None and loss_chart([]) is None
    flat = loss_chart(history(*[2.0] * 5000))
    assert flat is not None and flat.train.endswith("600.0,0.0") and len(flat.train) < 12_000
