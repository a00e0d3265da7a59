"""Who may import whom, read from every import of the package, in functions and for types too.

faces (cli, api, demo, fleet, action)
  → services
    → training, cards, pictures, sync, localhub
      → corpus, posts
        → core
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hubtools"
FUNCTION_IMPORTS = 80

_BELOW = {"core", "posts", "corpus"}
_ROOMS = {*_BELOW, "training", "cards", "pictures", "sync", "localhub", "services"}
_FACES = ("cli", "api", "demo", "fleet", "action")
LAYERS: dict[str, set[str]] = {
    "core": set(),
    "posts": {"core"},
    "corpus": {"core", "posts"},
    "training": _BELOW,
    "cards": _BELOW,
    "pictures": {"core"},  # it is handed plain values
    "sync": _BELOW,
    "localhub": {*_BELOW, "cards", "pictures"},
    "services": _ROOMS - {"services"},
    **dict.fromkeys(_FACES, _ROOMS),
    # Each command of the command line starts the face it belongs to.
    "cli": {*_ROOMS, "demo", "fleet"},
    "hubtools": {*_ROOMS, "api"},  # re-exports the public names
    "__main__": {"cli"},
}
# One module of a room that may know one room more.
EXCEPTIONS = {
    "hubtools.localhub.inference_worker": {"training"},
    "hubtools.sync.target": {"localhub"},  # serves the folder of a local target
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: who, whom, where, and whether it stands in a function."""

    importer: str
    imported: str
    place: str
    in_function: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ["hubtools", *file.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in modules().items()}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(one for name in modules() for one in _imports_of(name, trees()[name], False))


def _imports_of(importer: str, node: ast.AST, in_function: bool) -> Iterator[Import]:
    place = f"{modules()[importer].relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}"
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(importer, alias.name, place, in_function)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{place}: a relative import"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            imported = full if full in modules() else str(node.module)
            yield Import(importer, imported, place, in_function)
    inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _imports_of(importer, child, inside)


def _own() -> list[Import]:
    return [one for one in imports() if one.imported in modules()]


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def test_every_room_has_a_layer() -> None:
    assert {_room(name) for name in modules()} <= set(LAYERS)


@pytest.mark.parametrize("room", LAYERS)
def test_a_room_imports_only_from_rooms_below_it(room: str) -> None:
    wrong = [
        f"{one.place}: {one.importer} imports {one.imported}"
        for one in _own()
        if _room(one.importer) == room
        and _room(one.imported) not in {room, "hubtools", *LAYERS[room]}
        and _room(one.imported) not in EXCEPTIONS.get(one.importer, ())
    ]
    allowed = ", ".join(sorted(LAYERS[room])) or "nothing"
    assert not wrong, f"{room} may import {allowed}\n" + "\n".join(wrong)


def test_no_import_goes_in_a_circle() -> None:
    circles = ["\n".join(_describe(circle)) for circle in _circles()]
    assert not circles, f"{len(circles)} circles\n" + "\n\n".join(circles)


def _circles() -> Iterator[list[Import]]:
    """One circle, the shortest, for each module that can reach itself; no module twice."""
    graph: dict[str, dict[str, Import]] = defaultdict(dict)
    for one in _own():
        if one.importer != one.imported:
            graph[one.importer].setdefault(one.imported, one)
    shown: set[str] = set()
    for start in sorted(graph):
        circle = None if start in shown else _path_back(start, graph)
        if circle:
            shown |= {one.importer for one in circle}
            yield circle


def _path_back(start: str, graph: dict[str, dict[str, Import]]) -> list[Import] | None:
    paths: dict[str, list[Import]] = {start: []}
    queue = [start]
    for here in queue:
        for there, step in graph[here].items() if here in graph else ():
            if there == start:
                return [*paths[here], step]
            if there not in paths:
                paths[there] = [*paths[here], step]
                queue.append(there)
    return None


def _describe(circle: list[Import]) -> Iterator[str]:
    yield " → ".join([*(one.importer for one in circle), circle[0].importer])
    yield from (f"  {one.place}: imports {one.imported}" for one in circle)


def test_few_imports_stand_in_functions() -> None:
    late = {(one.place, one.importer) for one in imports() if one.in_function}
    by_module = Counter(importer for _, importer in late).most_common(20)
    listed = "\n".join(f"{count:4} {name}" for name, count in by_module)
    assert len(late) < FUNCTION_IMPORTS, f"{len(late)} imports in functions; most in\n{listed}"


def test_a_class_name_is_used_once() -> None:
    """Two classes may share a name only when one is made from the other."""
    defined: dict[str, list[tuple[str, ast.ClassDef]]] = defaultdict(list)
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                place = f"{modules()[module].relative_to(PACKAGE.parent)}:{node.lineno}"
                defined[node.name].append((place, node))
    twice = [
        f"{name}: {', '.join(place for place, _ in found)}"
        for name, found in sorted(defined.items())
        if len(found) > 1 and not any(_specializes(node, name) for _, node in found)
    ]
    assert not twice, "\n".join(twice)


def _specializes(node: ast.ClassDef, name: str) -> bool:
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return any((base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")) == name
               for base in bases)  # fmt: skip
