"""A project's own templates: a starter to copy, and everything wrong with those that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError, meta, nodes

from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card
from hubtools.cards.check import Finding
from hubtools.cards.environment import PACKAGED, TEMPLATE, CardEnvironment
from hubtools.cards.render import CardRenderer
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError, OutputError
from hubtools.core.files import write_atomically
from hubtools.core.template_root import template_root

_PARENT = f"{PACKAGED}/{TEMPLATE}"
_OF_A_RENDERING = frozenset({"card", "repo_id", "project", "terms"})
_PLACE = re.compile(r"(.+):(\d+)")
_STARTER = f"""{{# The model cards of this project: {_PARENT} with some of its blocks replaced.

   To replace a block, define it here under its name; {{{{ super() }}}} inserts the original:

       {{% block about %}}
       {{{{ super() }}}}
       Trained on a boat.
       {{% endblock %}}

   Blocks, in order:

BLOCKS

   Values: card, repo_id, project, terms. Output is escaped as Markdown text; elsewhere use the
   filters attribute, code, link, link_path, picture and python_string.
   Test it with: hubtools templates check
#}}
{{% extends "{_PARENT}" %}}
"""


def copy_starter(folder: Path) -> Path:
    """Write a starter card.md.j2 into `folder`; raises OutputError when there is one already."""
    file = folder / TEMPLATE
    if file.exists() or file.is_symlink():
        raise OutputError(
            "already exists", where=file, fix="Remove it, or choose another folder with --out"
        )
    lines = "\n".join(f"       {name}" for name in packaged_blocks())
    write_atomically(file, _STARTER.replace("BLOCKS", lines))
    return file


def packaged_blocks() -> list[str]:
    """The blocks that a user's template can replace, in order."""
    tree = CardEnvironment(None).parse((template_root() / TEMPLATE).read_text(encoding="utf-8"))
    return [block.name for block in tree.find_all(nodes.Block)]


def check_templates(folder: Path, project: ProjectConfig) -> list[Finding]:
    """Everything wrong with the templates in `folder`, by file and line.

    Each is compiled and its variables are checked; then sample cards are rendered. Raises CardError
    when there is nothing to check.
    """
    files = sorted(file for file in folder.rglob("*.j2") if file.is_file())
    if not files:
        fix = "Run `hubtools templates copy` to make one"
        raise CardError("no templates here", where=folder, fix=fix)
    environment = CardEnvironment(folder)
    found = [finding for file in files for finding in _compiled(file, folder, environment)]
    if not found:
        found = list(_rendered(folder, project))
    return sorted(set(found))


def _compiled(file: Path, folder: Path, environment: CardEnvironment) -> Iterator[Finding]:
    name = file.relative_to(folder).as_posix()
    try:
        text = file.read_text(encoding="utf-8")
        environment.get_template(name)
        tree = environment.parse(text)
    except UnicodeDecodeError as error:
        yield Finding(file, 1, "unreadable", f"not UTF-8 (byte {error.start})")
    except TemplateSyntaxError as error:
        yield Finding(file, error.lineno, "template", str(error.message))
    except TemplateNotFound as error:
        lines = text.splitlines()
        line = next((n for n, shown in enumerate(lines, 1) if str(error.name) in shown), 1)
        yield Finding(file, line, "template", f"no template {error.name!r}")
    except CardError as error:
        yield _finding(error, file)
    else:
        if name == TEMPLATE:
            yield from _unknown_variables(tree, file, environment)
            yield from _lost_text(tree, file)


def _unknown_variables(
    tree: nodes.Template, file: Path, environment: CardEnvironment
) -> Iterator[Finding]:
    """Variables that nothing sets, including in branches that no sample card reaches."""
    unknown = meta.find_undeclared_variables(tree)
    unknown -= {*_OF_A_RENDERING, *environment.globals, *_set_by_parent(environment)}
    for name in tree.find_all(nodes.Name):
        if name.name in unknown and name.ctx == "load":
            yield Finding(file, name.lineno, "template", f"'{name.name}' is undefined")


def _set_by_parent(environment: CardEnvironment) -> Iterator[str]:
    tree = environment.parse((template_root() / TEMPLATE).read_text(encoding="utf-8"))
    for statement in tree.find_all(nodes.Assign):
        yield from (name.name for name in statement.find_all(nodes.Name) if name.ctx == "store")


def _lost_text(tree: nodes.Template, file: Path) -> Iterator[Finding]:
    """Text outside the blocks of a template that extends another, which is never shown."""
    if not any(isinstance(node, nodes.Extends) for node in tree.body):
        return
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            continue
        for node in output.nodes:
            if not isinstance(node, nodes.TemplateData) or node.data.strip():
                yield Finding(
                    file, node.lineno, "template", "outside every block, so it is never shown"
                )
                break


def sample_cards() -> list[Card]:
    """Made-up cards to try templates on; together they use every field."""
    return [load_card(file) for file in sorted((template_root() / "samples").glob("*.toml"))]


def _rendered(folder: Path, project: ProjectConfig) -> Iterator[Finding]:
    renderer = CardRenderer("me", "https://huggingface.co", project, folder)
    seen: set[tuple[str | None, str]] = set()
    for card in sample_cards():
        try:
            renderer.render(card)
        except CardError as error:
            mistake = (error.where, error.what.replace(f" (card {card.repo!r})", ""))
            if mistake not in seen:
                yield _finding(error, folder / TEMPLATE)
            seen.add(mistake)


def _finding(error: CardError, file: Path) -> Finding:
    place = _PLACE.fullmatch(error.where or "")
    where, line = (Path(place[1]), int(place[2])) if place else (file, 1)
    what = f"{error.what}. {error.fix}" if error.fix else error.what
    return Finding(where, line, "template", what)
