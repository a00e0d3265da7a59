"""`hubtools predict`, on a folder and on a model of a local Hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubtools.localhub.server import serving
from tests.makers import command


@pytest.fixture
def home(folder: Path, tiny_gpt2: Path) -> dict[str, str]:
    """A local Hub in `hub` with one model, and an environment that knows no other."""
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.create_repo("me/tiny")
        api.upload_folder(folder_path=tiny_gpt2, repo_id="me/tiny")
    return {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0"}


def test_a_model_of_a_local_hub_says_the_same_as_its_folder(
    home: dict[str, str], folder: Path, tiny_gpt2: Path
) -> None:
    said = [
        command(
            "predict", *model, "Today", "-n", "3", "--seed", "7", "--json", cwd=folder, env=home
        )
        for model in ((tiny_gpt2,), ("me/tiny", "--to", "local:hub"))
    ]
    assert [result.returncode for result in said] == [0, 0], said[1].stderr
    texts = [json.loads(result.stdout)["predictions"] for result in said]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 3
    assert all(text.startswith("Today") for text in texts[0])


def test_temperature_and_top_p_change_what_is_said(
    home: dict[str, str], folder: Path, tiny_gpt2: Path
) -> None:
    def say(*more: str) -> list[str]:
        found = command(
            "predict", tiny_gpt2, "--seed", "7", "-n", "4", "--json", *more, cwd=folder, env=home
        )
        assert found.returncode == 0, found.stderr
        return list(json.loads(found.stdout)["predictions"])

    plain = say()
    assert len(plain) == 4
    assert plain == say("--temperature", "1.0", "--top-p", "0.95")
    assert plain != say("--temperature", "0.3")
    assert len(set(say("--top-p", "0.01"))) == 1


def test_a_terminal_is_told_no_control_characters(
    home: dict[str, str], folder: Path, tiny_gpt2: Path
) -> None:
    """A model of random weights says any byte; Escape and its kind would move the cursor."""
    found = command("predict", tiny_gpt2, "--seed", "7", "-n", "9", cwd=folder, env=home)
    assert found.stdout.count("• ") >= 9
    assert not [char for char in found.stdout if char < " " and char not in "\n\t"]


def test_what_is_not_there(home: dict[str, str], folder: Path) -> None:
    result = command("predict", "me/gone", "--to", "local:hub", cwd=folder, env=home)
    assert result.returncode == 1
    assert "me/gone" in result.stderr
    assert "Traceback" not in result.stderr
    for wrong in ("0", "-1", "hot"):
        result = command("predict", "me/tiny", "--temperature", wrong, cwd=folder, env=home)
        assert result.returncode == 2
