"""Command groups that import a command's module only when the command runs.

`hubtools --help` prints a table of names and summaries and imports no command. Help is plain text,
as that of `git`, `gh` and `uv`: options, then examples.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class LazyCommand(TyperCommand):
    """Stands for a command until it is run: a name, a summary, and where its function is."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, help=summary, rich_markup_mode=None)
        self.target = target
        """`MODULE:FUNCTION`."""

    def load(self) -> TyperCommand:
        """Import the function and make its command."""
        module, _, function = self.target.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        command = single.command(self.name, cls=_Command, context_settings=HELP_OPTIONS)
        command(expand(getattr(import_module(module), function)))
        loaded = get_command(single)
        assert isinstance(loaded, TyperCommand)
        return loaded

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the command itself, so that it parses, completes, helps and runs."""
        return self.load().make_context(*args, **kwargs)


def expand(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the fields of its dataclass parameters as parameters of their own.

    Typer sees an option for each field; the function gets the dataclasses.
    """
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if not is_dataclass(hint):
            parameters.append(parameter.replace(annotation=hint, kind=parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = hint
        of_fields = get_type_hints(hint, include_extras=True)
        for field in fields(hint):
            default = parameter.empty if field.default is MISSING else field.default
            parameters.append(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=default,
                    annotation=of_fields[field.name],
                )
            )

    def run(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        return function(**values)

    run.__doc__ = function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


class LazyGroup(TyperGroup):
    """A group whose help lists its commands under headings, without importing them."""

    sections: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, name: str, summary: str, commands: Sequence[LazyCommand]) -> LazyGroup:
        """The group `name` of these commands."""
        group = cls(
            name=name,
            help=summary,
            commands={str(command.name): command for command in commands},
            no_args_is_help=True,
            context_settings=HELP_OPTIONS,
            rich_markup_mode=None,
        )
        group.sections = {"Commands": list(group.commands)}
        return group

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table of commands."""
        width = max(map(len, self.commands))
        for title, names in self.sections.items():
            rows = [(name.ljust(width), self.commands[name].help) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)


class _Command(TyperCommand):
    """A command whose docstring ends with examples, one on a line."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`[OPTIONS] NAME [DIR]`, where typer writes `{NAME} [[DIR]]`."""
        return ["[OPTIONS]", *(_usage(parameter) for parameter in _arguments(self, ctx))]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """The docstring up to its examples."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self._parts()[0])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments by their names alone, then options."""
        arguments = _arguments(self, ctx)
        named = [(_usage(each), each.get_help_record(ctx)[1]) for each in arguments]
        others = [each for each in self.get_params(ctx) if each not in arguments]
        records = [record for each in others if (record := each.get_help_record(ctx))]
        for title, rows in (("Arguments", named), ("Options", records)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples as they are."""
        with formatter.section("Examples"):
            for line in self._parts()[1].splitlines():
                formatter.write(f"  {line.strip()}\n")

    def _parts(self) -> tuple[str, str]:
        prose, _, examples = inspect.cleandoc(self.help or "").partition("\nExamples:\n")
        return prose.strip(), examples


def _arguments(command: TyperCommand, ctx: Any) -> list[Any]:
    return [each for each in command.get_params(ctx) if each.param_type_name == "argument"]


def _usage(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.nargs == 1 or name.endswith("...") else f"{name}..."
