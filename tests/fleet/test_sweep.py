"""The search for a recipe: what is tried, what is scored on what, and the report."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.corpus.corpus import build_corpus
from hubtools.fleet.sweep import Scored, Sweep, Trial, space, texts_of, tuned
from hubtools.fleet.sweep_report import page, recipe_text, table
from hubtools.posts.registry import read_source
from hubtools.training.recipe import load_recipe
from tests.fleet.makers import write_accounts
from tests.makers import command


def sweep(*, start: tuple[float, ...], winner: tuple[float, ...]) -> Sweep:
    recipe = load_recipe("default")
    values = {key: values[0] for key, values in space(recipe).items()}
    trials = (Trial(2, values, (2.0, 2.2), 1.0), Trial(1, {**values, "epochs": 9}, (2.5,), 1.0))
    return Sweep(
        accounts=("harbourlog", "<b>&"),
        base="acme/base",
        trials=trials,
        start=Scored(recipe, start),
        winner=Scored(tuned(recipe, values), winner),
        seconds=3.0,
    )


def test_the_parts_of_an_account_share_no_post(folder: Path) -> None:
    write_accounts(folder, 1)
    (one,) = texts_of([build_corpus(read_source(str(folder / "a0.zip")))])
    parts = [set(one.train), set(one.aside), set(one.held_out)]
    assert all(parts)
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


@pytest.mark.parametrize("name", ["default", "scratch", "lora"])
def test_every_recipe_of_the_space_can_be_used_and_written(name: str, folder: Path) -> None:
    recipe = load_recipe(name)
    for key, values in space(recipe).items():
        for value in values:
            made = tuned(recipe, {key: value})
            (folder / f"{name}.toml").write_text(recipe_text(made))
            assert load_recipe(str(folder / f"{name}.toml")) == replace(made, name=name)


def test_the_report_says_how_sure_it_is() -> None:
    found = sweep(start=(2.0, 2.0), winner=(1.9, 1.7))
    assert (round(found.gain, 3), found.better) == (0.2, 2)
    assert found.error == pytest.approx(0.1)
    assert "may be chance" not in page(found)
    unsure = page(sweep(start=(2.0, 2.0), winner=(1.7, 2.2)))
    assert "may be chance" in unsure
    assert "better for 1 of 2 accounts" in unsure
    assert "&lt;b&gt;&amp;" in unsure and "<b>&" not in unsure
    rows = list(csv.DictReader(table(found).splitlines()))
    assert [row["trial"] for row in rows] == ["2", "1"]
    assert rows[1]["<b>&"] is None or rows[1]["<b>&"] == ""


def test_a_search_ends_with_a_recipe_that_can_be_used(folder: Path) -> None:
    write_accounts(folder, 2)
    result = command(
        "fleet", "sweep", "a0.zip", "a1.zip", "--base", "scratch", "--recipe", "fast.toml",
        "--trials", "3", "--out", "search", "--json", cwd=folder, env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Failed to fetch" not in result.stderr
    assert re.search(r"searching: 100%, best \d\.\d+ bits a byte", result.stderr)
    said = json.loads(result.stdout)
    assert 1 <= said["trials"] <= 3
    rows = list(csv.DictReader((folder / "search/trials.csv").open()))
    assert len(rows) == said["trials"]
    assert {"fog0", "fog1", "learning_rate", "mean"} <= rows[0].keys()
    assert float(rows[0]["mean"]) > 0
    load_recipe(str(folder / "search/recipe.toml"))
    assert str(folder) not in (folder / "search/report.html").read_text()
