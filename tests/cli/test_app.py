"""The command group: its table, its help, and how an error ends a command."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import pytest
import typer
from pytest_regressions.file_regression import FileRegressionFixture
from typer.testing import CliRunner, Result

from hubtools.cli.app import app, commands
from hubtools.cli.lazy import LazyCommand, LazyGroup
from hubtools.cli.options import Verbose
from hubtools.core import errors
from hubtools.core.cancel import CancelledError
from hubtools.core.errors import HubtoolsError

GROUPS = ("", "posts", "cards", "templates", "hub", "fleet")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name="hubtools", env={"COLUMNS": "80"})


def summaries(group: Any) -> dict[str, LazyCommand]:
    """The commands of the table by their full names, as they stand before they are loaded."""
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, LazyGroup):
            found |= {f"{name} {key}": one for key, one in summaries(command).items()}
        else:
            found[name] = command
    return found


TABLE = summaries(typer.main.get_command(app))


@pytest.mark.parametrize("name", TABLE)
def test_the_table_says_what_the_command_says(name: str) -> None:
    text = inspect.cleandoc(TABLE[name].load().help or "")
    assert TABLE[name].help == text.splitlines()[0]


def test_every_command_is_in_the_table() -> None:
    assert [f"hubtools {name}" for name in TABLE] == [name for name, _ in commands()]


@pytest.mark.parametrize("name", TABLE)
def test_every_command_has_help_with_examples(name: str) -> None:
    result = run(*name.split(), "--help")
    assert result.exit_code == 0, result.output
    _, _, examples = result.stdout.partition("\nExamples:\n")
    assert re.search(rf"^  \S*hubtools {name}\b", examples, re.MULTILINE)
    assert run(*name.split(), "-h").stdout == result.stdout


def test_the_help_of_all_commands(file_regression: FileRegressionFixture) -> None:
    """Read the difference as a user would, then run pytest with --force-regen."""
    pages = [run(*name.split(), "--help").stdout for name in (*GROUPS, *TABLE)]
    file_regression.check("\n".join(pages), encoding="utf-8")


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_imports_no_command(group: str) -> None:
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom hubtools.cli.app import app\n"
        "assert CliRunner().invoke(app, [*sys.argv[1:], '--help']).exit_code == 0\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *group.split()], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {command.target.partition(":")[0] for command in TABLE.values()}
    assert not [name for name in loaded if name.startswith("hubtools.services")]


def test_the_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"hubtools \d+\.\d+\S*\n", result.stdout)


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    for arguments in (["aply"], ["plan", "--tto", "hf"], ["posts", "stats"]):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert "Traceback" not in result.stderr


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `hubtools status`, as a command that raises."""

    def end(error: BaseException, *arguments: str) -> Result:
        def status(verbose: Verbose = 0) -> None:
            raise error

        module = ModuleType("raising")
        module.status = status  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "raising", module)
        monkeypatch.setattr("hubtools.cli.app._SECTIONS", {
            "": (LazyCommand("status", "raising:status", ""),)
        })  # fmt: skip
        return run("status", *arguments)

    return end


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HubtoolsError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_one_line_and_the_exit_code_of_its_class(
    kind: type[HubtoolsError], ending: Callable[..., Result]
) -> None:
    error = kind.__new__(kind)
    HubtoolsError.__init__(error, "it broke\nbadly", where="a.toml", fix="Fix it")
    result = ending(error)
    assert result.exit_code == kind.exit_code
    assert (result.stdout, result.stderr) == ("", "Error: a.toml: it broke badly. Fix it\n")


def test_exit_codes_are_the_contract() -> None:
    codes = {kind.__name__: kind.exit_code for kind in KINDS if kind.exit_code != 1}
    assert codes == {
        "UsageError": 2,
        "AccessError": 4,
        "HubUnavailableError": 5,
        "ConflictError": 6,
        "PolicyError": 7,
        "PartlyDoneError": 8,
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CancelledError()])
def test_an_interrupted_command_says_how_to_resume(
    error: BaseException, ending: Callable[..., Result]
) -> None:
    result = ending(error)
    assert result.exit_code == 130
    assert result.stderr.count("\n") == 1 and "resume" in result.stderr


def test_what_nobody_foresaw_is_one_line_too(ending: Callable[..., Result]) -> None:
    for error in (ValueError("odd\nvalue"), OSError(28, "No space left", "a.bin")):
        result = ending(error)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
    assert "Traceback" in ending(ValueError("odd"), "-vv").stderr


@dataclass(frozen=True)
class Group:
    """Two options."""

    speed: Annotated[int, typer.Option("--speed")] = 3
    loud: Annotated[bool, typer.Option("--loud")] = False


def grouped(*, name: Annotated[str, typer.Argument()], group: Group) -> None:
    """Take a group."""
    typer.echo(f"{name} {group}")


def test_the_fields_of_a_dataclass_are_options(monkeypatch: pytest.MonkeyPatch) -> None:
    command = LazyCommand("grouped", f"{__name__}:grouped", "").load()
    options = [name for parameter in command.params for name in parameter.opts]
    assert {"name", "--speed", "--loud"} <= set(options)
    monkeypatch.setattr("hubtools.cli.app._SECTIONS", {
        "": (LazyCommand("grouped", f"{__name__}:grouped", ""),)
    })  # fmt: skip
    assert run("grouped", "a", "--speed", "9").stdout == f"a {Group(speed=9)}\n"
