"""The documentation: current, complete, without dead links, and every command in it works."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from typer.testing import CliRunner

from hubtools.cli.app import app
from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.fleet.sweep import SweepResult, run_sweep
from hubtools.fleet.sweep_trials import SweepRequest
from hubtools.localhub.access import Access
from hubtools.localhub.server import serving
from tests.cards import old_cards
from tests.conftest import REPOSITORY
from tests.makers import posts, write_archive, write_recipe

DOCS = REPOSITORY / "docs"
BLOCK = re.compile(r"^```(bash|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Commands of other programs, which are not run.
OTHERS = ("pip install ", "hf auth login", "make ", "export ", "git clone ", "cd ")
# Pages whose commands can be run in their order.
PAGES = (
    "../README.md",
    "explanation/cleaning.md",
    "explanation/edits.md",
    "explanation/fleet.md",
    "how-to/cluster.md",
    "how-to/demo.md",
    "how-to/github-action.md",
    "how-to/local-hub.md",
    "how-to/organization.md",
    "how-to/override-a-block.md",
    "how-to/pictures.md",
    "how-to/recipes.md",
    "how-to/takedown.md",
    "reference/sources.md",
    "tutorial.md",
)
# Of these, the ones about a model that was published before, trained on that archive.
AFTERWARDS = (
    "explanation/edits.md",
    "how-to/override-a-block.md",
    "how-to/pictures.md",
    "how-to/takedown.md",
)
# Its examples stand in the help; they are parsed by a test of their own.
GENERATED = "reference/commands.md"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """docs/make_reference.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_program_says(reference: ModuleType) -> None:
    for name, text in reference.pages().items():
        there = (DOCS / "reference" / name).read_text(encoding="utf-8")
        assert there == text, f"{name}: run python docs/make_reference.py"


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    page = (tmp_path / "site" / "tutorial" / "index.html").read_text()
    fetched = re.findall(
        r"""<(?:script|img|link rel="stylesheet")[^>]*?(?:src|href)="(http[^"]+)""", page
    )
    assert fetched == []


@pytest.fixture
def sandbox(folder: Path, tiny_gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with what the pages assume: an archive, a base, recipes, a Hub behind `hf`."""
    write_archive(folder / "twitter-2024.zip")
    recipes = folder / "recipes"
    recipes.mkdir()
    for name in ("scratch", "default", "huggingtweets"):
        write_recipe(recipes / f"{name}.toml", epochs=1)
    shutil.copy(REPOSITORY / "hubtools/training/recipes/lora.toml", recipes)
    monkeypatch.setattr("hubtools.training.recipe._PACKAGED", recipes)
    (folder / "openai-community").mkdir()
    (folder / "openai-community" / "gpt2").symlink_to(tiny_gpt2)
    monkeypatch.setattr("hubtools.fleet.sweep.run_sweep", short_sweep)
    # These serve until they are interrupted.
    monkeypatch.setattr("hubtools.cli.hub.serve_hub", lambda *_: None)
    monkeypatch.setattr("hubtools.cli.demo.serve_demo", lambda *_: None)
    monkeypatch.setenv("HF_TOKEN", "for-tests")
    with serving(
        folder / "theirs", access=Access("ada", ("acme", "my-organization"), None)
    ) as endpoint:
        monkeypatch.setattr("hubtools.sync.target.HUGGING_FACE", endpoint)
        yield folder


def short_sweep(request: SweepRequest, reporter: Reporter, cancel: CancelToken) -> SweepResult:
    """A search that ends within a test."""
    return run_sweep(replace(request, trials=2, workers=1), reporter, cancel)


def prepare(page: str, folder: Path, trained_project: Path) -> None:
    """Make what a page assumes."""
    match page:
        case "how-to/cluster.md":
            write_archive(folder / "friend.zip", posts(200, seed=5), "friend", "A Friend")
            rows = "sources,name\ntwitter-2024.zip,fogwatch\nfriend.zip,a-friend\n"
            (folder / "accounts.csv").write_text(rows)
        case "explanation/fleet.md":
            (folder / "accounts.csv").write_text("sources,name\ntwitter-2024.zip,fogwatch\n")
            for seed, name in enumerate("abc"):
                write_archive(folder / f"{name}.zip", posts(200, seed=seed), name, name)
        case "how-to/organization.md":
            publish_old_cards("acme")
        case "how-to/github-action.md" | "../README.md":
            publish_old_cards("my-organization")
        case "how-to/recipes.md":
            write_archive(folder / "me.zip")
            write_recipe(folder / "mine.toml")
        case "explanation/cleaning.md":
            write_archive(folder / "archive.zip")
        case "reference/sources.md":
            posted = [{"username": name, "text": "The tide is in"} for name in ("a", "fogwatch")]
            (folder / "dump.jsonl").write_text("\n".join(map(json.dumps, posted)))
            (folder / "diary.csv").write_text("day,entry\n2024-01-01,The ferry is late\n")
    if page in AFTERWARDS:
        shutil.copytree(trained_project, folder, dirs_exist_ok=True)


def publish_old_cards(namespace: str) -> None:
    """Two models with cards of huggingtweets, on the Hub."""
    from hubtools.sync import target

    api = HfApi(target.HUGGING_FACE, token="for-tests")
    for name in ("first-model", "second-model"):
        api.create_repo(f"{namespace}/{name}")
        readme = CommitOperationAdd("README.md", old_card(name).encode())
        api.create_commit(f"{namespace}/{name}", [readme], commit_message="Old card")


def old_card(name: str) -> str:
    return old_cards.of_one(old_cards.Old(handles=(name,)))


def run(line: str) -> None:
    """One command, as a person would type it."""
    words = shlex.split(line)
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, f"{line}: {result.output}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of a page that a person is to use: their kind and what they hold."""
    for kind, block in BLOCK.findall(text):
        if kind == "toml" and "[hub]" in block:
            yield "settings", block
        elif kind == "bash":
            for line in block.strip().splitlines():
                yield "command", line.partition("  #")[0].strip().removeprefix("../.venv/bin/")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_works_in_its_order(page: str, sandbox: Path, trained_project: Path) -> None:
    prepare(page, sandbox, trained_project)
    ran = 0
    for kind, text in commands((DOCS / page).read_text(encoding="utf-8")):
        if kind == "settings":
            (sandbox / "hubtools.toml").write_text(text)
        elif text.startswith("hubtools "):
            run(text)
            ran += 1
        else:
            assert text.startswith(OTHERS), f"{page}: {text} is run by nobody"
    assert ran


def test_no_page_is_left_out() -> None:
    """A page with commands is one of those whose commands are run, wherever they stand in it."""
    for file in (REPOSITORY / "README.md", *DOCS.rglob("*.md")):
        name = os.path.relpath(file, DOCS)
        text = file.read_text(encoding="utf-8")
        if name != GENERATED and any(kind == "command" for kind, _ in commands(text)):
            assert name in PAGES, name
        elsewhere = BLOCK.sub("", text)
        fenced = re.findall(r"^```\w*\n(.*?)^```$", elsewhere, re.MULTILINE | re.DOTALL)
        assert not re.findall(r"^(?:\$ )?\S*hubtools .*", "".join(fenced), re.MULTILINE), name
        assert not re.findall(r"^(?: {4,}|\t+)(?:\$ )?\S*hubtools .*", elsewhere, re.MULTILINE), (
            name
        )


def test_every_command_in_a_sentence_is_one(reference: ModuleType) -> None:
    """Also where it is only named: `hubtools pull NAME`."""
    known = dict(reference.leaves())
    groups = {name.rpartition(" ")[0] for name in known}
    for file in (REPOSITORY / "README.md", *DOCS.rglob("*.md")):
        for line in re.findall(r"`(hubtools [^`]+)`", file.read_text(encoding="utf-8")):
            assert line in groups or check_options(line, known), f"{file.name}: {line}"


def test_every_example_of_the_help_names_options_that_there_are(reference: ModuleType) -> None:
    text = (DOCS / GENERATED).read_text()
    known = dict(reference.leaves())
    for _, line in commands(text):
        for part in re.split(r" && | \| ", line):
            if part.startswith("hubtools "):
                assert check_options(part, known), line


def test_every_json_document_is_described(reference: ModuleType) -> None:
    text = (DOCS / "reference/json.md").read_text(encoding="utf-8")
    described = set(
        re.findall(r"`([a-z ]+)[^`]*`", "".join(re.findall(r"^\| (.+?) \|", text, re.M)))
    )
    described = {name.strip() for name in described}
    for name, command in reference.leaves():
        if any("--json" in parameter.opts for parameter in command.params):
            assert name.removeprefix("hubtools ") in described, name


def check_options(line: str, known: Mapping[str, Any]) -> bool:
    """Whether there is such a command; each of its options must be one."""
    name = next((n for n in known if line == n or line.startswith(f"{n} ")), None)
    if name is None:
        return False
    options = {o for p in known[name].params for o in (*p.opts, *p.secondary_opts)}
    flags = {word.partition("=")[0] for word in line.split() if word.startswith("--")}
    assert flags <= options, f"{line}: {name} has no {flags - options}"
    return True


def test_the_readme_stays_one_page() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    for link in re.findall(r"\]\(([^)#]+)\)|^ *<img src=\"([^\"]+)", text):
        path = link[0] or link[1]
        if not path.startswith("http"):
            assert (REPOSITORY / path).exists(), path
    assert len(re.findall(r"!\[", text)) == 3


def test_every_path_that_is_named_exists() -> None:
    """What CONTRIBUTING.md sends people to: files, folders, and names in them."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:hubtools|tests|templates|docs|benchmarks|\.github)/[\w./-]*)`", text)
    assert len(named) > 20
    for path in named:
        assert (REPOSITORY / path).exists(), path
    for name, path in re.findall(r"`(\w+)` (?:in|of) `(hubtools/[\w./]+\.py)`", text):
        assert re.search(rf"\b{name}\b", (REPOSITORY / path).read_text()), f"{path} has no {name}"


def test_every_picture_is_made_by_the_script() -> None:
    script = (DOCS / "make_images.py").read_text()
    for picture in (DOCS / "images").glob("*.png"):
        assert picture.name in script, picture.name
