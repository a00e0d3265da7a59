"""`hubtools cards` as people call it: what it prints, where, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hubtools.cards.card_file import card_toml, load_card
from hubtools.cli.app import app
from tests.cards.samples import CYBORG, HARBOUR
from tests.makers import command

PREDICTIONS = HARBOUR.predictions


@pytest.fixture
def project(folder: Path) -> Path:
    """A project of two good cards in the working directory."""
    (folder / "cards").mkdir()
    for card in (HARBOUR, CYBORG):
        text = card_toml(replace(card, prose=None))
        (folder / "cards" / f"{card.repo}.toml").write_text(text, encoding="utf-8")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def parsed(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


def broken(project: Path) -> Path:
    file = project / "cards" / "broken.toml"
    file.write_text('repo = "broken"\n\nthumbnial = "x"\n')
    return file


def test_render_counts_what_it_did(project: Path) -> None:
    first = parsed("cards", "render", "--all", "--out", "made")
    assert (first["rendered"], first["unchanged"], first["failed"]) == (2, 0, [])
    assert first["seconds"] >= 0
    again = parsed("cards", "render", "harbourlog", "--out", "made")
    assert (again["rendered"], again["unchanged"]) == (0, 1)
    text = (project / "made" / "harbourlog" / "README.md").read_text(encoding="utf-8")
    assert "me/harbourlog" in text


def test_render_says_what_it_did(project: Path) -> None:
    result = run("cards", "render", "harbourlog")
    assert result.stdout == ""
    assert "1 rendered, 0 unchanged" in result.stderr.splitlines()[-1]
    assert run("cards", "render", "harbourlog", "-q").stderr == ""


def test_render_for_a_namespace(project: Path) -> None:
    run("cards", "render", "--all", "--namespace", "acme", "--out", "made")
    assert "acme/harbourlog" in (project / "made/harbourlog/README.md").read_text("utf-8")


def test_a_bad_card_of_many_ends_with_8(project: Path) -> None:
    file = broken(project)
    what = f"{file}: unknown key 'thumbnial'. Did you mean 'thumbnail'?"
    done = parsed("cards", "render", "--all", code=8)
    assert (done["rendered"], done["failed"]) == (2, [{"card": "broken", "error": what}])
    result = command("cards", "render", "--all", cwd=project)
    assert result.returncode == 8
    assert result.stdout == ""
    counts, failure, end = result.stderr.splitlines()[-3:]
    assert counts.startswith("0 rendered, 2 unchanged ")
    assert failure.strip() == what
    assert end.startswith("Error: 1 of 3 ")


def test_the_one_card_that_was_asked_for_ends_with_1(project: Path) -> None:
    file = broken(project)
    result = command("cards", "render", "broken", "-q", cwd=project)
    assert result.returncode == 1
    assert result.stderr == (f"Error: {file}: unknown key 'thumbnial'. Did you mean 'thumbnail'?\n")


def test_thumbnails_of_several_cards(project: Path) -> None:
    done = parsed("cards", "thumbnail", "--all", "--out", "pictures", code=8)
    file = str(Path("pictures") / "harbourlog.png")
    assert done["pictures"] == [{"file": file, "prediction": PREDICTIONS[0].text}]
    what = f"{CYBORG.repo}: the card has no predictions to show"
    assert done["failed"] == [{"card": CYBORG.repo, "error": what}]
    assert [path.name for path in (project / "pictures").iterdir()] == ["harbourlog.png"]


def test_a_dark_thumbnail(project: Path) -> None:
    parsed("cards", "thumbnail", "harbourlog", "--theme", "dark", "--out", "dark.png")
    with Image.open(project / "dark.png") as picture:
        assert picture.convert("L").getpixel((4, 4)) < 50  # type: ignore[operator]


def test_what_no_font_has_is_said(project: Path) -> None:
    card = project / "cards/harbourlog.toml"
    text = card.read_text(encoding="utf-8").replace("guard a radish", "guard \U000f1234 \u0378")
    card.write_text(text, encoding="utf-8")
    result = run("cards", "thumbnail", "harbourlog", "--out", "x.png")
    assert ": \U000f1234 \u0378. " in result.stderr.splitlines()[0]


@pytest.mark.parametrize("verb", ["render", "check"])
def test_which_cards(verb: str, project: Path) -> None:
    cards = project / "cards"
    for arguments, code, line in (
        ((), 2, "Error: no card was named. "),
        (("a", "--all"), 2, "Error: --all "),
        (("harborlog",), 1, f"Error: {cards / 'harborlog.toml'}: no such card. "),
    ):
        result = run("cards", verb, *arguments)
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.startswith(line) and result.stderr.count("\n") == 1
    assert "'harbourlog'" in result.stderr


def test_no_folder_of_cards(folder: Path) -> None:
    result = run("cards", "ls")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {folder / 'cards'}: ")
    assert "hubtools init" in result.stderr


def test_check_finds_nothing_in_good_cards(project: Path) -> None:
    result = run("cards", "check", "--all")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("2 cards ")
    assert parsed("cards", "check", "--all") == {"findings": []}


def test_check_prints_file_line_and_message(project: Path) -> None:
    broken(project)
    message = "thumbnial: unknown key. Did you mean 'thumbnail'?"
    result = command("cards", "check", "--all", cwd=project)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout == f"cards/broken.toml:3: {message}\n"
    github = run("cards", "check", "broken", "--format", "github")
    assert github.stdout == f"::error file=cards/broken.toml,line=3::{message}\n"
    assert github.exit_code == 1
    expected = {"findings": [{"file": "cards/broken.toml", "line": 3, "message": message}]}
    assert parsed("cards", "check", "broken", code=1) == expected
    as_format = run("cards", "check", "broken", "--format", "json")
    assert json.loads(as_format.stdout) == expected


def test_check_from_another_folder_names_the_whole_path(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "hubtools.toml").touch()
    (project / "deep").mkdir()
    file = broken(project)
    monkeypatch.chdir(project / "deep")
    assert run("cards", "check", "broken").stdout.startswith(f"{file}:3: ")


def test_schema_is_one_that_the_cards_fit(project: Path) -> None:
    import tomllib

    result = run("cards", "schema")
    validator = jsonschema.Draft202012Validator(json.loads(result.stdout))
    for file in (project / "cards").glob("*.toml"):
        validator.validate(tomllib.loads(file.read_text(encoding="utf-8")))


def test_ls_shows_broken_cards_too(project: Path) -> None:
    file = broken(project)
    error = f"{file}: unknown key 'thumbnial'. Did you mean 'thumbnail'?"
    assert run("cards", "ls").stdout.splitlines() == [
        f"broken  broken  {error}",
        "harbourlog  published  Harbour Log ⚓",
        "harbourlog-nightferry  published  Harbour Log ⚓, The Nightferry",
    ]
    assert parsed("cards", "ls")["cards"][:2] == [
        {"repo": "broken", "state": "broken", "accounts": [], "error": error},
        {"repo": "harbourlog", "state": "published", "accounts": ["Harbour Log ⚓"]},
    ]


def test_show_prints_the_card(project: Path) -> None:
    text = (project / "cards" / "harbourlog.toml").read_text(encoding="utf-8")
    assert run("cards", "show", "harbourlog").stdout == text
    shown = parsed("cards", "show", "harbourlog")
    assert (shown["repo"], shown["accounts"][0]["handle"]) == ("harbourlog", "harbourlog")


def test_a_thumbnail_of_another_prediction(project: Path) -> None:
    first, second = project / "one.png", project / "two.png"
    for number, file in enumerate((first, second), 1):
        done = parsed(
            *("cards", "thumbnail", "harbourlog", "--out", str(file)),
            *("--prediction", str(number)),
        )
        assert done["file"] == str(file)
        assert done["prediction"] == PREDICTIONS[number - 1].text
        with Image.open(file) as picture:
            assert picture.size == (1200, 628)
    assert first.read_bytes() != second.read_bytes()


def test_a_thumbnail_goes_into_the_models_folder_and_shows_its_avatars(project: Path) -> None:
    result = run("cards", "thumbnail", "harbourlog")
    model = project / "models" / "harbourlog"
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: {model}: the model has no folder. Name a file with --out\n",
    )
    model.mkdir(parents=True)
    result = run("cards", "thumbnail", "harbourlog")
    assert result.stderr == f"Drew {model / 'predictions.png'}: {PREDICTIONS[0].text}\n"
    plain = (model / "predictions.png").read_bytes()
    Image.new("RGB", (200, 200), "#ff0000").save(model / "avatar-1.png")
    assert run("cards", "thumbnail", "harbourlog", "-q").exit_code == 0
    assert (model / "predictions.png").read_bytes() != plain


def test_the_prediction_on_the_picture_is_the_first_on_the_card(project: Path) -> None:
    """The words in place of the picture, for those who do not see it, are those of the first."""
    model, file = project / "models" / "harbourlog", project / "cards" / "harbourlog.toml"
    model.mkdir(parents=True)
    file.write_text(f"# Ours\n{file.read_text('utf-8')}", "utf-8")
    done = parsed("cards", "thumbnail", "harbourlog", "--prediction", "2")
    assert done["prediction"] == PREDICTIONS[1].text
    assert load_card(file).predictions == (PREDICTIONS[1], PREDICTIONS[0])
    assert file.read_text("utf-8").startswith("# Ours\n")
    drawn = (model / "predictions.png").read_bytes()
    run("cards", "render", "harbourlog", "--out", "made")
    readme = (project / "made" / "harbourlog" / "README.md").read_text("utf-8")
    assert f"![Generated by this model: “{PREDICTIONS[1].text}”" in readme
    assert run("cards", "thumbnail", "harbourlog", "-q").exit_code == 0
    assert (model / "predictions.png").read_bytes() == drawn


def test_thumbnails_that_cannot_be(project: Path) -> None:
    result = run("cards", "thumbnail", "harbourlog", "--prediction", "3", "--out", "x.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: harbourlog: ")
    result = run("cards", "thumbnail", CYBORG.repo, "--out", "x.png")
    assert result.stderr == f"Error: {CYBORG.repo}: the card has no predictions to show\n"
    assert not (project / "x.png").exists()
