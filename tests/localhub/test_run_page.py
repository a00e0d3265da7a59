"""The page of a run's record."""

from __future__ import annotations

import json

import httpx2
import pytest

from hubtools.core.run_record import sealed_record
from hubtools.localhub.run_page import curve, run_page
from hubtools.localhub.store import Store
from tests.localhub.models import RECORD, put, put_model


def test_it_says_what_went_in_and_what_was_measured(url: str, store: Store) -> None:
    put_model(store, "quay/log")
    page = httpx2.get(f"{url}/quay/log/run").text
    for text in (
        "Source: Harbour Log ⚓",
        "1,510",
        "2,271,360",
        "1.4334",
        "scratch",
        "has not been",
    ):
        assert text in page, text
    assert page.count(">the same<") == 2
    put(store, "quay/log", {"predictions.png": b"another"})
    page = httpx2.get(f"{url}/quay/log/run").text
    assert (page.count(">the same<"), page.count(">changed since<")) == (1, 1)


def test_an_edited_record_is_said_to_be_one(url: str, store: Store) -> None:
    record = json.loads(sealed_record(RECORD))
    record["run"]["evaluation"]["bits_per_byte"] = 0.1
    put(store, "quay/log", {"run.json": json.dumps(record).encode()})
    page = httpx2.get(f"{url}/quay/log/run").text
    assert "somebody edited it" in page and "&#34;bits_per_byte&#34;: 0.1" in page


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b"\xff", b"null", b'"x"', b"[" * 100_000])
def test_any_bytes_have_a_page(data: bytes) -> None:
    assert run_page(data, {}).raw is not None


@pytest.mark.parametrize(
    "record",
    [
        {"run": 3, "sources": "x", "files": []},
        {"run": {"train_losses": ["x"], "versions": []}, "sources": [1, None], "settings": []},
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
    assert "Run record" not in httpx2.get(f"{url}/me/m").text


def test_a_curve_goes_from_its_highest_to_its_lowest() -> None:
    drawn = curve([3.0, 1.0, 2.0])
    assert drawn is not None and drawn.points == "0.0,0.0 300.0,160.0 600.0,80.0"
    assert curve([1.0]) is None and curve([1.0, float("nan")]) is None and curve("12") is None
    flat = curve([2.0] * 5000)
    assert flat is not None and flat.points.endswith("600.0,0.0") and len(flat.points) < 10_000
