"""Write docs/reference from the program: commands, cards, settings, recipes, exit codes, Python.

    python docs/make_reference.py

A test says when this has to be done again.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
MADE = "<!-- Made by docs/make_reference.py; change the program, not this file. -->"
_EXAMPLES = re.compile(r"\n *Examples?:\n")


def pages() -> dict[str, str]:
    """Every generated page, by its file's name."""
    return {
        "commands.md": _page("Commands", _commands()),
        "card.md": _page("Cards: cards/NAME.toml", _card()),
        "configuration.md": _page("Settings: hubtools.toml", _configuration()),
        "recipes.md": _page("Recipes", _recipes()),
        "exit-codes.md": _page("Exit codes", _exit_codes()),
        "python.md": _page("Python", _python()),
    }


def _page(title: str, parts: Iterator[str]) -> str:
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def _commands() -> Iterator[str]:
    yield (
        "Every command takes `-h`. Those that print a result take `--json` (one document on "
        "stdout), `-q` (errors alone) and `-v` (more); progress and notes go to stderr."
    )
    for name, command in leaves():
        yield from _command(name, command)


def leaves() -> list[tuple[str, Any]]:
    """Every command with its full name."""
    from typer.main import get_command

    from hubtools.cli.app import app

    return list(_leaves(get_command(app), "hubtools"))


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for key, child in children.items():
        yield from _leaves(child, f"{name} {key}")


def _command(name: str, command: Any) -> Iterator[str]:
    text = inspect.cleandoc(command.help or "")
    prose, examples = _split(text)
    yield f"## {name}"
    yield prose
    yield "```bash\n" + "\n".join(examples) + "\n```"
    rows = [_parameter(p) for p in command.params if not getattr(p, "hidden", False)]
    yield _table(("", "", "default"), [row for row in rows if row])


def _split(text: str) -> tuple[str, list[str]]:
    """A docstring's prose, and the commands of its examples."""
    prose, *rest = _EXAMPLES.split("\n" + text, maxsplit=1)
    lines = [line.strip() for line in "".join(rest).splitlines()]
    examples = [line for line in lines if line.startswith(("hubtools", "HUBTOOLS"))]
    paragraphs = [" ".join(part.split()) for part in prose.strip().split("\n\n")]
    return "\n\n".join(_marked(part) for part in paragraphs), examples


def _marked(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


def _parameter(parameter: Any) -> tuple[str, str, str] | None:
    names = [*parameter.opts, *parameter.secondary_opts]
    if "--help" in names:
        return None
    argument = parameter.param_type_name == "argument"
    metavar = parameter.metavar or ""
    shown = [metavar or parameter.name.upper()] if argument else names
    flag = getattr(parameter, "is_flag", False) or getattr(parameter, "count", False)
    value = "" if argument or flag else f" {metavar or _type(parameter)}"
    said = getattr(parameter, "show_default", None)
    default = said if isinstance(said, str) else _default(parameter)
    codes = ", ".join(f"`{one}`" for one in shown)
    return f"{codes}{_code(value)}", _cell(getattr(parameter, "help", "") or ""), _cell(default)


def _type(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if issubclass(kind, Enum):
        return "|".join(one.value for one in kind)
    return {str: "TEXT", int: "N", float: "N"}.get(kind, "PATH")


def _code(text: str) -> str:
    return f" `{text.strip()}`" if text else ""


def _default(parameter: Any) -> str:
    default = parameter.default
    if default in (None, False, True, (), [], 0) or parameter.required or callable(default):
        return ""
    return f"`{getattr(default, 'value', default)}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_safe(cell) for cell in line) + " |" for line in lines)


def _safe(cell: str) -> str:
    return re.sub(r"(?<!\\)\|", "\\|", cell)


def _card() -> Iterator[str]:
    from hubtools.cards.card import Card
    from hubtools.cards.schema import card_schema

    yield (
        "One TOML file for each model. Text of your own stands in `cards/NAME.md`. An unknown key "
        "is an error that names the nearest known one; what is not known is absent. "
        "`hubtools cards schema` prints the JSON Schema from which editors complete these keys."
    )
    schema = card_schema()
    definitions = schema["$defs"]
    yield _keys(schema)
    for name in _kinds(Card, definitions):
        yield f"## {name}"
        yield " ".join(definitions[name].get("description", "").split())
        yield _keys(definitions[name])


def _kinds(card: Any, definitions: dict[str, Any]) -> list[str]:
    order = list(get_type_hints(card).values())
    return sorted(definitions, key=lambda name: next(
        (number for number, hint in enumerate(order) if name in str(hint)), len(order)
    ))  # fmt: skip


def _keys(schema: dict[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = [
        (f"`{key}`", _kind(value), " ".join(filter(None, ["Needed." if key in needed else "",
         _cell(value.get("description", ""))])))
        for key, value in schema["properties"].items()
    ]  # fmt: skip
    return _table(("key", "value", ""), rows)


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    if "anyOf" in value:
        return " or ".join(map(_kind, value["anyOf"]))
    if value.get("type") == "array":
        inner = value.get("items")
        return f"list of {_kind(inner)}" if isinstance(inner, dict) and inner else "list"
    return str({"object": "table"}.get(value.get("type", ""), value.get("type", "any")))


def _configuration() -> Iterator[str]:
    from hubtools.core.config import Config

    yield (
        "`hubtools.toml`, or `[tool.hubtools]` in pyproject.toml: the nearest one from the working "
        "directory upwards. Flags come first, then the environment (`HUBTOOLS_TO`, "
        "`HUBTOOLS_NAMESPACE`), then this file. Paths are relative to it. Tokens never stand "
        "here: they come from `HF_TOKEN`, or from `hf auth login`."
    )
    plain: list[tuple[str, ...]] = []
    tables: list[tuple[str, Any]] = []
    for field in dataclasses.fields(Config):
        kind = get_type_hints(Config)[field.name]
        if dataclasses.is_dataclass(kind):
            tables.append((field.name, kind))
        else:
            plain.append(_setting(field))
    yield _table(("key", "default"), plain)
    for name, kind in tables:
        yield f"## [{name}]"
        yield _sentence(inspect.cleandoc(kind.__doc__ or "").partition(": ")[2])
        yield _table(("key", "default"), [_setting(field) for field in dataclasses.fields(kind)])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _setting(field: Any) -> tuple[str, ...]:
    default = field.default
    return f"`{field.name}`", "" if default is None else f"`{str(default).lower()}`"


def _recipes() -> Iterator[str]:
    yield (
        "`--recipe NAME` takes one of these, `--recipe FILE.toml` one of yours. "
        "[What the numbers mean](../explanation/recipe.md)."
    )
    for file in sorted((ROOT / "hubtools/training/recipes").glob("*.toml")):
        yield f"## {file.stem}"
        yield f"```toml\n{file.read_text(encoding='utf-8').strip()}\n```"


def _exit_codes() -> Iterator[str]:
    from hubtools.core import errors

    kinds: dict[int, list[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.HubtoolsError):
            kinds.setdefault(kind.exit_code, []).append(kind.__name__)
    meaning = dict(re.findall(r"(\w+Error) +\d +(.+)", errors.__doc__ or ""))
    rows = [("0", "done", "")]
    for code in sorted(kinds):
        names = kinds[code]
        rows.append((str(code), meaning[names[0]], ", ".join(f"`{name}`" for name in names)))
    rows.insert(3, ("3", "`plan --exit-code`: changes are pending", ""))
    rows.append(("130", "interrupted; the same command goes on from there", "`KeyboardInterrupt`"))
    yield "An error is one line on stderr: what, where, and what to do. `-vv` shows the traceback."
    yield _table(("code", "meaning", "in Python"), rows)


def _python() -> Iterator[str]:
    import hubtools

    yield _indented_as_code(inspect.cleandoc(hubtools.__doc__ or "").partition("::\n\n")[2])
    yield (
        "Every function works in the project that the working directory lies in, as the commands "
        "do; `project=find_project(folder)` (from `hubtools.core.config`) names another. What they "
        "raise is a `HubtoolsError`, whose text is one line for a person ([kinds](exit-codes.md))."
    )
    for name in hubtools.__all__:
        one = getattr(hubtools, name)
        kind = "class " if inspect.isclass(one) else ""
        yield f"## {name}"
        yield f"```python\n{kind}{name}{_signature(one)}\n```"
        yield _docstring(one)
        if inspect.isclass(one) and not issubclass(one, Exception):
            yield from _members(one)


def _members(kind: type) -> Iterator[str]:
    rows = []
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        call = "" if isinstance(member, property) else _signature(function, lines=False)
        rows.append((f"`{name}{call}`", _cell(_docstring(function))))
    if rows:
        yield _table(("", ""), rows)


class _Bare(str):
    """An annotation as it stands in the source, which inspect would put into quotes."""

    def __repr__(self) -> str:
        return str(self)


def _signature(one: Any, *, lines: bool = True) -> str:
    if inspect.isclass(one) and issubclass(one, Exception):
        return "(what, *, where=None, fix=None)"
    signature = inspect.signature(one)
    parameters = [
        parameter.replace(annotation=_Bare(str(parameter.annotation).strip("'")))
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    result = _Bare(str(signature.return_annotation).strip("'"))
    shown = signature.replace(
        parameters=parameters,
        return_annotation=inspect.Signature.empty if inspect.isclass(one) else result,
    )
    text = re.sub(r"<factory>", "…", str(shown))
    if len(text) < 70 or not lines:
        return text
    inner, _, tail = text[1:].rpartition(")")
    return "(\n    " + ",\n    ".join(_arguments(inner)) + f",\n){tail}"


def _arguments(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += char in "[("
        depth -= char in "])"
        if char == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _docstring(one: Any) -> str:
    return inspect.cleandoc(one.__doc__ or "")


def _indented_as_code(text: str) -> str:
    return f"```python\n{inspect.cleandoc(text)}\n```"


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
