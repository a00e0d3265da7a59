"""The Python API: its names, what it does in ten lines, and the notebook that shows it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import hubtools
from hubtools import Card, HubtoolsError, apply, load, plan, read, save, train
from hubtools.cards.card import CardAccount
from hubtools.core.errors import ConflictError, PolicyError, UsageError
from hubtools.core.notebook import card_html
from hubtools.core.results import Prediction
from tests.conftest import REPOSITORY
from tests.makers import posts, write_archive, write_recipe


@pytest.fixture
def recipes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Recipes by the packaged names that train in seconds."""
    made = folder / "recipes"
    made.mkdir()
    write_recipe(made / "scratch.toml", epochs=1)
    monkeypatch.setattr("hubtools.training.recipe._PACKAGED", made)
    yield made


def test_the_names_are_these() -> None:
    assert sorted(hubtools.__all__) == [
        "Card", "HubtoolsError", "Model", "Posts",
        "apply", "load", "plan", "read", "save", "train",
    ]  # fmt: skip
    signatures = {name: str(inspect.signature(getattr(hubtools, name))) for name in (
        "apply", "load", "plan", "read", "save", "train",
    )}  # fmt: skip
    assert {name: text.replace("'", "") for name, text in signatures.items()} == {
        "apply": "(plan: Plan, *, max_changes: str | int | None = None, "
        "project: Project | None = None, report: Reporter | None = None) -> Applied",
        "load": "(name: str, *, project: Project | None = None) -> Card",
        "plan": "(*what: Card | Model | str, to: str | None = None, namespace: str | None = None, "
        "project: Project | None = None, report: Reporter | None = None) -> Plan",
        "read": "(*sources: str | Path, cleaning: str = voice, language: str | None = None, "
        "text_column: str | None = None, unlisted: bool = False, "
        "project: Project | None = None, report: Reporter | None = None) -> Posts",
        "save": "(card: Card, *, project: Project | None = None) -> Path",
        "train": "(posts: Posts, *, base: str = openai-community/gpt2, "
        "prompt: str = My dream is, recipe: str | None = None, seed: int = 42, "
        "name: str | None = None, out: str | Path | None = None, "
        "project: Project | None = None, report: Reporter | None = None) -> Model",
    }
    with pytest.raises(AttributeError, match="no attribute 'publishh'"):
        hubtools.publishh  # noqa: B018


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys, hubtools; print(*[n for n in sys.modules if n.startswith('hubtools.')])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_what_publish_does_in_ten_lines(recipes: Path) -> None:
    found = read(write_archive(Path("a.zip")))
    model = train(found, base="scratch", seed=1)
    assert len(found.texts) == 300
    assert all(text.startswith("Today") for text in model.predict("Today", count=2, seed=3))
    assert model.predict(seed=3, count=2) == model.predict(seed=3, count=2)
    first = plan(model)
    assert [change.action for change in first.changes] == ["create"]
    assert apply(first).applied == 1
    assert [change.action for change in plan(model.card).changes] == ["unchanged"]

    changed = replace(load("fogwatch"), tags=("fog",))
    with pytest.raises(UsageError, match=r"Save it first: save\(card\)"):
        plan(changed)
    save(changed)
    second = plan(changed)
    assert [change.action for change in second.changes] == ["update"]
    save(replace(changed, tags=("mist",)))
    with pytest.raises(ConflictError):
        apply(second)
    with pytest.raises(PolicyError):
        apply(plan(), max_changes=0)
    assert apply(plan()).applied == 1


def test_too_few_posts_are_an_error_in_one_line(recipes: Path) -> None:
    few = read(write_archive(Path("few.zip"), posts(20)))
    with pytest.raises(HubtoolsError, match=r"20 of 20 were kept") as caught:
        train(few, base="scratch")
    assert "\n" not in str(caught.value)


def test_a_card_shows_itself_and_nothing_that_it_says_is_markup(recipes: Path) -> None:
    hostile = "<script>alert(1)</script>"
    card = Card(
        repo="a",
        accounts=(CardAccount(name=hostile, handle=hostile),),
        predictions=(Prediction(prompt="", text=hostile),),
    )
    html = card._repr_html_()
    assert "<script" not in html and html.count("&lt;script&gt;") == 3
    assert 'src="data:image/png;base64,' in card_html(card, b"png")


def test_pictures_and_counts_show_themselves(recipes: Path) -> None:
    found = read(write_archive(Path("a.zip")))
    assert "Posts downloaded" in found._repr_html_() and "@fogwatch" in found._repr_html_()
    model = train(found, base="scratch")
    assert model.thumbnail._repr_png_().startswith(b"\x89PNG")
    assert model.pipeline._repr_png_() != model.thumbnail._repr_png_()
    assert "data:image/png" in model._repr_html_()
    assert "me/fogwatch" in plan(model)._repr_markdown_()


def test_the_notebook_runs(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook as it stands, in a kernel of its own; only the recipe is a small one."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(REPOSITORY / "examples/quickstart.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    small = (
        "from pathlib import Path\nimport hubtools.training.recipe as recipe\n"
        f"recipe._PACKAGED = Path({str(recipes)!r})"
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(small))
    Path("harbourlog.zip").write_bytes((REPOSITORY / "examples/harbourlog.zip").read_bytes())
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    run = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3")
    run.execute(cwd=str(Path.cwd()))
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"text/html", "image/png", "text/markdown"} <= kinds
    assert not [o for o in outputs if o.output_type == "error"]
    assert any("1,508" in o.get("data", {}).get("text/html", "") for o in outputs)
