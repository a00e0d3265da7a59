"""The package: what the wheel holds, what an installation weighs, what a light start costs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from hubtools.cli.app import commands
from tests.conftest import REPOSITORY

HEAVY = (
    "torch", "transformers", "huggingface_hub", "matplotlib", "ray", "PIL", "numpy", "gradio",
)  # fmt: skip
OF_EXTRAS = ("torch", "transformers", "matplotlib", "PIL", "numpy", "ray", "gradio", "peft")
MEGABYTE = 1_000_000


def python(script: str, *arguments: str, cwd: Path = REPOSITORY) -> str:
    """What a new interpreter prints that runs `script`."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    assert wheel.stat().st_size < 3 * MEGABYTE
    tops = {name.split("/")[0] for name in held}
    assert tops == {"hubtools", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_wheel_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    """Unpacked outside the repository, with the same dependencies: a card renders."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/a.toml").write_text('repo = "a"\n')
    script = "import sys; sys.path.insert(0, 'site'); from hubtools.cli.app import app; app()"
    python(script, "cards", "render", "a", "--out", "out", cwd=tmp_path)
    assert "me/a" in (tmp_path / "out/a/README.md").read_text()


def test_an_installation_without_extras_is_small(wheel: Path) -> None:
    """Everything that `pip install hf-hubtools` brings, unpacked, takes less than 100 MB."""
    sizes = {one.name: unpacked(one) for one in required(core_dependencies())}
    own = sum(info.file_size for info in zipfile.ZipFile(wheel).infolist())
    assert not {"torch", "transformers", "matplotlib", "pillow", "ray", "numpy"} & set(sizes)
    assert sum(sizes.values()) + own < 100 * MEGABYTE, sizes


def core_dependencies() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def required(requirements: list[str]) -> Iterator[Distribution]:
    """The installed distributions of `requirements`, and those that they require in turn."""
    todo, seen = [*requirements], set()
    for line in todo:
        name, _, marker = line.partition(";")
        found = re.match(r"[\w.-]+", name)
        if found is None or "extra" in marker or found[0].lower() in seen:
            continue
        seen.add(found[0].lower())
        try:
            one = distribution(found[0])
        except PackageNotFoundError:  # of another platform
            continue
        todo += one.requires or ()
        yield one


def unpacked(one: Distribution) -> int:
    """Bytes of its files; compiled ones come later and are not counted."""
    files = (Path(str(file.locate())) for file in one.files or ())
    return sum(f.stat().st_size for f in files if f.suffix != ".pyc" and f.is_file())


def test_help_imports_nothing_heavy() -> None:
    loaded = python("import sys; from hubtools.cli.app import app; print(*sys.modules)").split()
    heavy = {*HEAVY, "jinja2", "starlette", "yaml", "tomlkit", "msgspec", "uvicorn", "httpx2"}
    assert not heavy & set(loaded)


def modules(*rooms: str) -> list[str]:
    """Every module of the rooms, by its dotted name."""
    files = (file for room in rooms for file in (REPOSITORY / "hubtools" / room).rglob("*.py"))
    return sorted(
        ".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for file in files
    )


def test_light_rooms_import_no_extra() -> None:
    script = "import importlib, sys\nfor n in sys.argv[1:]: importlib.import_module(n)\n"
    loaded = python(script + "print(*sys.modules)", *modules("core", "posts", "corpus", "cards"))
    assert not set(OF_EXTRAS) & set(loaded.split())


def test_every_command_can_be_asked_for_help_without_extras() -> None:
    """Whoever installed the core alone learns what each command needs, not what it cannot import.

    The modules of extras are blocked: importing one raises ImportError.
    """
    script = f"""
import sys
sys.modules.update(dict.fromkeys({OF_EXTRAS}))
from typer.testing import CliRunner
from hubtools.cli.app import app
for name in sys.argv[1:]:
    result = CliRunner().invoke(app, [*name.split(), "--help"])
    assert result.exit_code == 0, (name, result.output, result.exception)
"""
    python(script, *(name.removeprefix("hubtools ") for name, _ in commands()))
