"""The search for a recipe: what is tried, what is scored on what, and the report."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.corpus.corpus import build_corpus
from hubtools.fleet.sweep import SweepResult, SweepTestScore, split_accounts
from hubtools.fleet.sweep_report import recipe_toml, sweep_page, trials_csv
from hubtools.fleet.sweep_trials import SweepTrial, search_space, values_of, with_values
from hubtools.posts.registry import read_source
from hubtools.training.recipe import load_recipe
from tests.fleet.makers import write_accounts
from tests.makers import command


def sweep(*, start: tuple[float, ...], winner: tuple[float, ...]) -> SweepResult:
    recipe = load_recipe("default")
    values = {key: values[0] for key, values in search_space(recipe).items()}
    trials = (
        SweepTrial(2, values, (2.0, 2.2), 1.0),
        SweepTrial(1, {**values, "epochs": 9}, (2.5,), 1.0),
    )
    return SweepResult(
        accounts=("harbourlog", "<b>&"),
        base="acme/base",
        trials=trials,
        start=SweepTestScore(recipe, start),
        winner=SweepTestScore(with_values(recipe, values), winner),
        seconds=3.0,
    )


def test_the_parts_of_an_account_share_no_post(folder: Path) -> None:
    write_accounts(folder, 1)
    (one,) = split_accounts([build_corpus(read_source(str(folder / "a0.zip")))])
    parts = [set(one.train), set(one.validation), set(one.test)]
    assert all(parts)
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


@pytest.mark.parametrize("name", ["default", "scratch", "lora"])
def test_every_recipe_of_the_space_can_be_used_and_written(name: str, folder: Path) -> None:
    recipe = load_recipe(name)
    assert with_values(recipe, values_of(recipe)).learning_rate == recipe.learning_rate
    for key, values in search_space(recipe).items():
        for value in values:
            made = with_values(recipe, {key: value})
            (folder / f"{name}.toml").write_text(recipe_toml(made))
            assert load_recipe(str(folder / f"{name}.toml")) == replace(made, name=name)


def test_the_report_says_how_sure_it_is() -> None:
    found = sweep(start=(2.0, 2.0), winner=(1.9, 1.7))
    assert (round(found.improvement, 3), found.accounts_improved) == (0.2, 2)
    assert found.standard_error == pytest.approx(0.1)
    assert 'id="chance"' not in sweep_page(found)
    unsure = sweep_page(sweep(start=(2.0, 2.0), winner=(1.7, 2.2)))
    assert 'id="chance"' in unsure
    assert "&lt;b&gt;&amp;" in unsure and "<b>&" not in unsure
    rows = list(csv.DictReader(trials_csv(found).splitlines()))
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
    assert re.search(r"searching: 100%, best \d\.\d+", result.stderr)
    said = json.loads(result.stdout)
    assert 1 <= said["trials"] <= 3
    rows = list(csv.DictReader((folder / "search/trials.csv").open()))
    assert len(rows) == said["trials"]
    assert {"fog0", "fog1", "learning_rate", "mean"} <= rows[0].keys()
    assert float(rows[0]["mean"]) > 0
    load_recipe(str(folder / "search/recipe.toml"))
    assert str(folder) not in (folder / "search/report.html").read_text()
