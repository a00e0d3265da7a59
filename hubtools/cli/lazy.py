"""Command groups that import a command's module only when the command runs.

`hubtools --help` prints a table of names and summaries and imports no command. Help is plain text,
as that of `git`, `gh` and `uv`: options, then examples.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

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
        command(getattr(import_module(module), function))
        loaded = get_command(single)
        assert isinstance(loaded, TyperCommand)
        return loaded

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the command itself, so that it parses, completes, helps and runs."""
        return self.load().make_context(*args, **kwargs)


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
        pieces = super().collect_usage_pieces(ctx)
        return [piece.strip("{}").replace("[[", "[").replace("]]", "]") for piece in pieces]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """The docstring up to its examples."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self._parts()[0])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments by their names alone, then options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            names, text = parameter.get_help_record(ctx) or ("", "")
            if parameter.param_type_name == "argument":
                sections["Arguments"].append((names.partition(" <")[0], text))
            elif names:
                sections["Options"].append((names, text))
        for title, rows in sections.items():
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
