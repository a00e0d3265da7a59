"""The package: what the wheel holds, who imports whom, what a light start costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

HEAVY = (
    "torch", "transformers", "huggingface_hub", "matplotlib", "ray", "PIL", "numpy", "gradio",
)  # fmt: skip
# Gradio has to see the types of what it calls; the page itself is imported late.
LATE_ITSELF = {"hubtools/demo/page.py", "hubtools/demo/handlers.py"}
# Which rooms a room may import from; `cli` may import from all, and no room from it.
ROOMS = {
    "posts": set(),
    "cards": set(),
    "training": {"posts", "cards"},
    "sync": {"cards", "localhub"},
    "localhub": {"cards", "training"},
    "fleet": {"posts", "training", "cards", "sync"},
    "demo": {"posts", "cards", "training", "sync", "localhub"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, REPOSITORY],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_templates_and_nothing_else(wheel: Path) -> None:
    held = zipfile.ZipFile(wheel).namelist()
    packaged = {name.removeprefix("hubtools/") for name in held if "/templates/" in name}
    tracked = subprocess.run(
        ["git", "ls-files", "templates", "hubtools"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    assert packaged == {name for name in tracked if name.startswith("templates/")}
    assert "hubtools/py.typed" in held
    assert "hubtools/training/recipes/default.toml" in held
    fonts = {name.rpartition("/")[2] for name in held if name.startswith("hubtools/fonts/")}
    assert fonts == {
        "FiraGO-Regular.ttf",
        "FiraGO-Bold.ttf",
        "FiraGO-OFL.txt",
        "Twemoji.ttf",
        "Twemoji-LICENSE.txt",
    }
    assert wheel.stat().st_size < 3 << 20
    tops = {name.split("/")[0] for name in held}
    assert tops == {"hubtools", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_wheel_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    """Unpacked outside the repository, with the same dependencies: a card renders."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/a.toml").write_text('repo = "a"\n')
    script = "import sys; sys.path.insert(0, 'site'); from hubtools.cli.app import app; app()"
    result = subprocess.run(
        [sys.executable, "-c", script, "cards", "render", "a", "--out", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "me/a" in (tmp_path / "out/a/README.md").read_text()


def modules() -> list[Path]:
    return sorted((REPOSITORY / "hubtools").rglob("*.py"))


def imports(file: Path) -> list[str]:
    """The modules that `file` imports anywhere but for type checking."""
    tree = ast.parse(file.read_text())
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_below_it(room: str) -> None:
    for file in modules():
        if file.relative_to(REPOSITORY).parts[1] != room:
            continue
        rooms = {
            name.split(".")[1]
            for name in imports(file)
            if name.startswith("hubtools.") and name.count(".") > 1
        }
        allowed = ROOMS[room] | {room}
        assert rooms & (set(ROOMS) | {"cli"}) <= allowed, file


def test_heavy_libraries_are_imported_late() -> None:
    for file in modules():
        if str(file.relative_to(REPOSITORY)) in LATE_ITSELF:
            continue
        tree = ast.parse(file.read_text())
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [n for n in names if n.split(".")[0] in HEAVY], f"{file}:{node.lineno}"


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from hubtools.cli.app import app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {*HEAVY, "jinja2", "starlette", "yaml", "tomlkit", "msgspec", "uvicorn", "httpx2"}
    assert not heavy & set(loaded)


def test_the_core_installs_without_the_heavy_libraries() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = {line.split(">")[0].split("[")[0] for line in project["dependencies"]}
    assert not names & {"torch", "transformers", "matplotlib", "pillow", "ray", "numpy"}


def test_every_command_has_help_with_an_example() -> None:
    from typer.main import get_command

    from hubtools.cli.app import app

    def leaves(command: object, name: str) -> list[tuple[str, str]]:
        children = getattr(command, "commands", None)
        if children is None:
            return [(name, getattr(command, "help", None) or "")]
        return [leaf for key, child in children.items() for leaf in leaves(child, f"{name} {key}")]

    for name, text in leaves(get_command(app), "hubtools"):
        assert re.search(rf"^ +{name}\b", text, re.MULTILINE), f"{name} has no example"
