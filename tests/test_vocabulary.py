"""The package speaks the language of its field: epochs and validation loss, not its own."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hubtools"

# Words of an identifier, a field, a key or a heading, and what the field says instead.
WORDS = {
    "aside": "validation (split)",
    "bring_home": "merge_remote",
    "colour": "color",
    "course": "TrainState, schedule",
    "held_out": "test (split)",
    "heldout": "test (split)",
    "lettering": "line breaking",
    "lineage": "pipeline (picture)",
    "memorised": "memorized",
    "modelpages": "page data",
    "normalise": "normalize",
    "passes": "epochs",
    "portrait": "avatar",
    "portraits": "avatars",
    "runpage": "run page",
    "speaker": "inference worker",
    "stepper": "optimizer step",
    "trouble": "failure",
    "typesetting": "text layout",
    "visit": "session",
    "visits": "sessions",
}
CLASSES = {
    "Applied": "ApplyResult",
    "Delivery": "CommitRequest",
    "Fitted": "TrainResult",
    "Learned": "Metrics",
    "Patience": "RetryPolicy",
    "Wanted": "desired state",
}
OPTIONS = {
    "--adapter": "--recipe lora",
    "--keep": "--keep-folders",
    "--look": "--theme",
    "--minutes": "--max-train-minutes",
    "--together": "--models-per-batch",
    "--trainings": "--max-concurrent",
    "--waiting": "--max-pending-uploads",
}
_WORD = re.compile(rf"(?:^|_)({'|'.join(WORDS)})(?=_|$)")


def words_of(identifier: str) -> str:
    """`HeldOutLoss`, `held-out loss` and `held_out_loss` are one."""
    camel = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier)
    return re.sub(r"\W+", "_", camel).lower()


def complaints(names: Iterator[tuple[str, str]]) -> list[str]:
    return sorted({
        f"{place}: {name}: say {WORDS[found[1]]}"
        for place, name in names
        if (found := _WORD.search(words_of(name)))
    })  # fmt: skip


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        yield name, ast.parse(file.read_text(encoding="utf-8"))


def identifiers() -> Iterator[tuple[str, str]]:
    """What the package names: modules, classes, functions, parameters, variables and fields."""
    for file, tree in sources():
        yield file, Path(file).stem
        for node in ast.walk(tree):
            place = f"{file}:{getattr(node, 'lineno', 0)}"
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    yield place, name
                case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                    yield place, name
                case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    yield place, name


def keys(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield key
        if isinstance(value, dict):
            yield from keys(value)


def test_identifiers() -> None:
    found = complaints(identifiers())
    assert not found, "\n".join(found)


def test_classes() -> None:
    found = [
        f"{file}:{node.lineno}: {node.name}: say {CLASSES[node.name]}"
        for file, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in CLASSES
    ]
    assert not found, "\n".join(found)


def test_options() -> None:
    found = [
        f"{file}:{node.lineno}: {node.value}: say {OPTIONS[node.value]}"
        for file, tree in sources()
        if file.startswith("hubtools/cli/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in OPTIONS
    ]
    assert not found, "\n".join(found)


def test_keys_of_recipes_and_cards() -> None:
    files = [*PACKAGE.rglob("*.toml"), *(ROOT / "cards").glob("*.toml")]
    found = complaints(
        (file.relative_to(ROOT).as_posix(), key)
        for file in files
        for key in keys(tomllib.loads(file.read_text(encoding="utf-8")))
    )
    assert files and not found, "\n".join(found)


def _prose(page: Path) -> str:
    """A page without its code blocks, where `#` begins a comment."""
    fence = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    return fence.sub("", page.read_text(encoding="utf-8"))


def test_headings() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("benchmarks/**/*.md")]
    found = complaints(
        (page.relative_to(ROOT).as_posix(), heading)
        for page in pages
        for heading in re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    )
    assert pages and not found, "\n".join(found)
