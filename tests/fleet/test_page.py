"""The page of a fleet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubtools.fleet.page import fleet_page, fleet_summary, outliers
from hubtools.fleet.state import FleetFailure, FleetState

STATE = FleetState(
    manifest="fleet.toml", shard="1/1", to="me on x", process=1, machine="here", workers=1,
    started=0.0, updated=1.0, end="done", total=4, already_done=1, trained=2, published=2,
    remaining=0, failed=1, seconds=1.0, models_per_hour=3600.0, seconds_left=None,
    device_utilization=0.5, running=(),
    failures=(FleetFailure("<i>", "fleet.toml: models[4]", "too few & short", 7),),
)  # fmt: skip


def test_the_page_shows_scores_and_failures_and_escapes_both() -> None:
    text = fleet_page(STATE, {"a<b>": 2.0, "c": 2.1, "d": 2.3})
    assert "3 of 4 models" in text
    assert "3 models from 2.000 to 2.300, median 2.100" in text
    assert "&lt;i&gt;" in text and "<i>" not in text
    assert "too few &amp; short" in text
    assert "<svg" not in fleet_page(STATE, {})
    assert "1 model from 2.000 to 2.000" in fleet_page(STATE, {"a": 2.0})


def test_a_summary_counts_every_model_once() -> None:
    scores = {f"m{number}": 2 + number / 100 for number in range(20)}
    found = fleet_summary(STATE, scores, "me")
    assert (found["done"], found["scored"]) == (3, 20)
    assert sum(one["count"] for one in found["bins"]) == 20
    assert found["bins"][0]["low"] == 2.0
    assert found["bins"][-1]["high"] == pytest.approx(2.19)
    assert fleet_summary(STATE, {}, "me")["bins"] == []
    equal = fleet_summary(STATE, {"a": 2.0, "b": 2.0}, "me")
    assert [one["count"] for one in equal["bins"]] == [2]
    assert fleet_summary(replace(STATE, already_done=0), scores, "me")["done"] == 2


def test_what_stands_out_is_far_from_the_others_only() -> None:
    scores = {f"m{number}": 2 + number / 100 for number in range(20)}
    assert outliers(scores) == {}
    assert list(outliers({**scores, "odd": 4.0, "odder": 9.0})) == ["odder", "odd"]
    assert outliers({"a": 2.0, "b": 2.0, "c": 2.0}) == {}
