"""The Python API: its names, what it does in ten lines, and the notebook that shows it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

import hubtools
from hubtools import (
    Account,
    Card,
    ConflictError,
    Model,
    ModelError,
    PolicyError,
    Post,
    Prediction,
    SourceError,
    UsageError,
    apply,
    check,
    load,
    plan,
    predict,
    publish,
    pull,
    read,
    render,
    retire,
    save,
    train,
)
from hubtools.cards.card import CardAccount
from hubtools.core import errors
from hubtools.core.html_templates import data_url, render_html
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


PUBLIC = [
    "AccessError", "Account", "ApplyResult", "Card", "CardError", "ConfigError", "ConflictError",
    "Corpus", "Finding", "HubUnavailableError", "HubtoolsError", "MissingExtraError", "Model",
    "ModelError", "OutputError", "PartlyDoneError", "Plan", "PolicyError", "Post", "Posts",
    "Prediction", "Project", "PullResult", "Recipe", "Reporter", "RetireResult", "SourceError",
    "UsageError",
    "apply", "check", "load", "plan", "predict", "publish", "pull", "read", "render", "retire",
    "save", "train",
]  # fmt: skip


def test_the_names_are_these() -> None:
    assert hubtools.__all__ == PUBLIC
    assert dir(hubtools) == PUBLIC
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name for name in PUBLIC if name.endswith("Error")} == kinds - {"ClassVar"}
    with pytest.raises(AttributeError, match="no attribute 'publishh'"):
        hubtools.publishh  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(hubtools, name))


def test_the_signatures_are_these(file_regression: FileRegressionFixture) -> None:
    functions = [name for name in PUBLIC if name.islower()]
    lines = [f"{name}{inspect.signature(getattr(hubtools, name))}" for name in functions]
    lines += [f"Model.{name}{inspect.signature(getattr(hubtools.Model, name))}"
              for name in ("open", "predict")]  # fmt: skip
    file_regression.check("\n".join(lines) + "\n", encoding="utf-8")


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys, hubtools; print(*[n for n in sys.modules if n.startswith('hubtools.')])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_what_publish_does_in_ten_lines(recipes: Path) -> None:
    found = read(write_archive(Path("a.zip")))
    model = train(found, base="scratch", seed=1)
    assert len(found.texts) == found.counts[0].kept == 300
    assert all(text.startswith("Today") for text in model.predict("Today", n=2, seed=3))
    assert model.predict(seed=3, n=2) == predict(model.folder, seed=3, n=2)
    first = plan(model)
    assert [change.action for change in first.changes] == ["create"]
    assert apply(first).applied == 1
    assert model.card is not None
    assert [change.action for change in plan(model.card).changes] == ["unchanged"]

    changed = replace(load("fogwatch"), tags=("fog",))
    with pytest.raises(UsageError) as unsaved:
        plan(changed)
    assert unsaved.value.where and unsaved.value.where.endswith("cards/fogwatch.toml")
    assert "- fog" in render(changed) and "- fog" not in render("fogwatch")
    save(changed)
    assert check("fogwatch") == check() == ()
    second = plan(changed)
    assert [change.action for change in second.changes] == ["update"]
    save(replace(changed, tags=("mist",)))
    with pytest.raises(ConflictError):
        apply(second)
    with pytest.raises(PolicyError):
        apply(plan(), max_changes=0)
    assert apply(plan()).applied == 1


def test_publish_pull_and_retire(recipes: Path) -> None:
    found = read(write_archive(Path("a.zip")))
    model = publish(found, base="scratch", namespace="acme", name="fog")
    assert (model.repo_id, model.folder.name) == ("acme/fog", "fog")
    assert model.url and "acme/fog" in model.url
    assert pull("fog", namespace="acme").unchanged == ("fog",)
    retired = retire("fog", namespace="acme")
    assert (retired.repo, retired.denied) == ("acme/fog", ("x:fogwatch",))
    assert load("fog").state == "retired"
    with pytest.raises(PolicyError):
        read("a.zip")


def test_a_model_is_opened_by_its_folder_or_repository(tiny_gpt2: Path, folder: Path) -> None:
    opened = Model.open(tiny_gpt2)
    assert opened.folder == tiny_gpt2 and opened.card is None
    texts = opened.predict("Today", n=3, seed=1, temperature=0.5, top_p=0.9, max_tokens=20)
    assert len(texts) == 3 and all(text.startswith("Today") for text in texts)
    assert texts == predict(opened, "Today", n=3, seed=1, temperature=0.5, top_p=0.9, max_tokens=20)
    with pytest.raises(UsageError):
        opened.predict("Today", max_tokens=1)
    with pytest.raises(ModelError):
        Model.open(folder / "gone")


TEXTS = ["The ferry is late again tonight", "All ropes are counted", "RT @gull: the tide is in"]


@pytest.mark.parametrize("kind", ["texts", "posts", "records", "pandas", "polars"])
def test_posts_in_memory(kind: str, folder: Path) -> None:
    data: Any
    match kind:
        case "texts":
            data = TEXTS
        case "posts":
            data = (Post(id=str(n), text=text) for n, text in enumerate(TEXTS[:2]))
        case "records":
            data = [{"text": text} for text in TEXTS]
        case _:
            data = pytest.importorskip(kind).DataFrame({"text": TEXTS})
    found = read(data, account=Account("x", "fogwatch"))
    assert found.texts == TEXTS[:2]
    assert found.corpora[0].account.handle == "fogwatch"


def test_what_holds_no_posts_is_a_source_error(folder: Path) -> None:
    for wrong in (5, [], [5]):
        with pytest.raises(SourceError):
            read(wrong)  # type: ignore[arg-type]


def test_too_few_posts_are_an_error_in_one_line(recipes: Path) -> None:
    few = read(write_archive(Path("few.zip"), posts(20)))
    with pytest.raises(PolicyError) as caught:
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
    assert "data:image/png;base64," in render_html(
        "notebook", "card", card=card, thumbnail=data_url(b"p")
    )


def test_pictures_and_counts_show_themselves(recipes: Path) -> None:
    found = read(write_archive(Path("a.zip")))
    assert "Downloaded" in found._repr_html_() and "@fogwatch" in found._repr_html_()
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
