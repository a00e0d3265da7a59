"""`hubtools cards import`: from files, folders and a Hub; again after an interruption."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from huggingface_hub import CommitOperationAdd, HfApi
from typer.testing import CliRunner, Result

from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card
from hubtools.cards.render import CardRenderer
from hubtools.cli.cards_import import import_cards
from hubtools.cli.lazy import expand
from hubtools.core.errors import CardError, HubtoolsError, HubUnavailableError, PartlyDoneError
from hubtools.localhub.server import serving
from hubtools.services import import_cards as import_service
from hubtools.services.import_cards import import_from_hub, list_hub_models
from tests.cards.old_cards import Old, december_2020, may_2021
from tests.cards.samples import HARBOUR

FOREIGN = "---\nlicense: mit\nversion: 1.10\n---\n\n# Theirs\n"
READMES = {
    "harbourlog": may_2021(Old()),
    "ours": CardRenderer("acme").render(HARBOUR),
    "theirs": FOREIGN,
    "broken": "---\na: 1\na: 2\n---\n",
}


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command("import")(expand(import_cards))
    return CliRunner().invoke(app, arguments)


def failed(result: Result) -> HubtoolsError:
    assert isinstance(result.exception, HubtoolsError), result.output
    return result.exception


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfApi]:
    """A Hub with four models that have a README, and one that has none."""
    with serving(tmp_path_factory.mktemp("hub") / "hub") as endpoint:
        opened = HfApi(endpoint=endpoint, token=False)
        opened.create_repo("me/empty")
        for name, readme in READMES.items():
            opened.create_repo(f"me/{name}")
            file = CommitOperationAdd("README.md", readme.encode())
            opened.create_commit(f"me/{name}", [file], commit_message="x")
        yield opened


def test_a_file_becomes_a_card(folder: Path) -> None:
    (folder / "old.txt").write_text(december_2020(Old()), encoding="utf-8")
    result = run("old.txt")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 imported, 0 " in result.stderr
    assert load_card(folder / "cards" / "harbourlog.toml").accounts[0].handle == "harbourlog"


def test_a_folder_becomes_cards_and_what_failed_is_named(folder: Path) -> None:
    for name, readme in READMES.items():
        (folder / "old" / name).mkdir(parents=True)
        (folder / "old" / name / "README.md").write_text(readme, encoding="utf-8")
    result = run("old", "--out", "new", "--json", "-q")
    assert isinstance(failed(result), PartlyDoneError)
    told = json.loads(result.stdout)
    # Two of them are of one repository, and say different things.
    assert (told["imported"], told["unchanged"], told["skipped"]) == (2, 0, 0)
    assert told["cards"] == ["new/harbourlog.toml", "new/theirs.toml"]
    assert [f["where"] for f in told["failed"]] == [
        "old/broken/README.md: line 3",
        "new/harbourlog.toml",
    ]
    assert load_card(folder / "new" / "theirs.toml").prose == "# Theirs"


def test_a_rerun_changes_nothing_and_a_different_card_stays(folder: Path) -> None:
    (folder / "theirs.md").write_text(FOREIGN)
    assert run("theirs.md").exit_code == 0
    assert "0 imported, 1 " in run("theirs.md").stderr
    file = folder / "cards" / "theirs.toml"
    file.write_text(file.read_text() + "# mine\n")
    assert run("theirs.md").exit_code == 0
    file.write_text(file.read_text().replace("mit", "apache-2.0"))
    before = file.read_bytes()
    assert failed(run("theirs.md")).where == str(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("arguments", [(), ("x.md", "--from-hub", "me")])
def test_either_files_or_a_hub(arguments: tuple[str, ...], folder: Path) -> None:
    assert failed(run(*arguments)).exit_code == 2


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    error = failed(run("gone.md"))
    assert (error.exit_code, error.where) == (1, "gone.md")


def test_a_hub_is_listed_once_and_each_readme_read_once(
    api: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = import_service.http_backoff

    def counted(method: str, url: str, **options: Any) -> Any:
        asked.append(url)
        return real(method, url, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(import_service, "http_backoff", counted)
    models = list_hub_models(api, "me")
    found = {model.id.rpartition("/")[2]: card for model, card in import_from_hub(api, models)}
    assert len(asked) == 4
    assert set(found) == {*READMES, "empty"}
    assert found["ours"] == Card(**{**_fields(HARBOUR), "repo": "ours"})
    assert isinstance(found["empty"], CardError)
    assert str(found["broken"]).startswith("me/broken: line 3: front matter has the key 'a' twice")


def _fields(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in Card.__dataclass_fields__}


def test_from_a_hub_and_again_only_what_is_missing(api: HfApi, folder: Path) -> None:
    arguments = ("--from-hub", "me", "--to", api.endpoint, "--json", "-q")
    first = run(*arguments)
    told = json.loads(first.stdout)
    assert (told["imported"], told["skipped"], len(told["failed"])) == (3, 0, 2)
    assert failed(first).exit_code == 8
    (folder / "cards" / "theirs.toml").unlink()
    told = json.loads(run(*arguments).stdout)
    assert (told["imported"], told["skipped"], len(told["failed"])) == (1, 2, 2)
    told = json.loads(run(*arguments, "--refetch").stdout)
    assert (told["imported"], told["unchanged"], told["skipped"]) == (0, 3, 0)


def test_a_hub_that_is_away_is_said_so(folder: Path) -> None:
    result = run("--from-hub", "me", "--to", "http://127.0.0.1:9", "-q")
    assert isinstance(failed(result), HubUnavailableError)
