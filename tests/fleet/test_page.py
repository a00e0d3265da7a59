"""The page of a fleet."""

from __future__ import annotations

import pytest

from hubtools.fleet.page import outliers, page, summary

STATE = {
    "manifest": "fleet.toml", "there": 1, "made": 2, "published": 2, "total": 4, "to": "me on x",
    "failed": 1,
    "failures": [{"name": "<i>", "where": "fleet.toml: models[4]", "error": "too few & short"}],
}  # fmt: skip


def test_the_page_tells_scores_and_failures_and_escapes_both() -> None:
    text = page(STATE, {"a<b>": 2.0, "c": 2.1, "d": 2.3})
    assert "3 of 4 models are done, 1 failed" in text
    assert "3 models from 2.000 to 2.300, the middle one 2.100" in text
    assert "&lt;i&gt;" in text and "<i>" not in text
    assert "too few &amp; short" in text
    assert "Bits a byte" not in page(STATE, {})
    assert "1 models from 2.000 to 2.000" in page(STATE, {"a": 2.0})


def test_a_summary_counts_every_model_once() -> None:
    state = {**STATE, "shard": "1/1", "end": "done", "updated": 1.0}
    scores = {f"m{number}": 2 + number / 100 for number in range(20)}
    said = summary(state, scores, "me")
    assert (said["done"], said["scored"]) == (3, 20)
    assert sum(one["count"] for one in said["bins"]) == 20
    assert said["bins"][0]["low"] == 2.0
    assert said["bins"][-1]["high"] == pytest.approx(2.19)
    assert summary(state, {}, "me")["bins"] == []
    assert [one["count"] for one in summary(state, {"a": 2.0, "b": 2.0}, "me")["bins"]] == [2]


def test_what_stands_out_is_far_from_the_others_only() -> None:
    scores = {f"m{number}": 2 + number / 100 for number in range(20)}
    assert outliers(scores) == {}
    assert list(outliers({**scores, "odd": 4.0, "odder": 9.0})) == ["odder", "odd"]
    assert outliers({"a": 2.0, "b": 2.0, "c": 2.0}) == {}
