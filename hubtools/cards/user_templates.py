"""A project's own templates: one to start from, and all that is wrong with those that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError, meta, nodes

from hubtools.cards.check import Finding
from hubtools.cards.environment import PACKAGED, TEMPLATE, CardEnvironment
from hubtools.cards.render import CardRenderer
from hubtools.cards.sample_cards import sample_cards
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError, OutputError
from hubtools.core.files import write_atomically
from hubtools.core.template_root import template_root

_PARENT = f"{PACKAGED}/{TEMPLATE}"
_OF_A_RENDERING = frozenset({"card", "repo_id", "project", "terms"})
_PLACE = re.compile(r"(.+):(\d+)")
_STARTER = f"""{{# The cards of this project. It is {_PARENT} with some of its blocks replaced.

   To replace a block, write it here under its name; {{{{ super() }}}} in it shows what was there:

       {{% block about %}}
       {{{{ super() }}}}
       Trained on a boat.
       {{% endblock %}}

   Blocks, in their order:

BLOCKS

   Values: card, repo_id, project, terms. Whatever is shown is escaped as text of Markdown; in
   other places use the filters attribute, code, link, link_path, picture and python_string.
   Try it with: hubtools templates check
#}}
{{% extends "{_PARENT}" %}}
"""


def copy_starter(folder: Path) -> Path:
    """Write a card.md.j2 to start from into `folder`; raises OutputError when there is one."""
    file = folder / TEMPLATE
    if file.exists() or file.is_symlink():
        raise OutputError(
            "is there already", where=file, fix="Remove it, or choose another folder with --out"
        )
    lines = "\n".join(f"       {name}" for name in packaged_blocks())
    write_atomically(file, _STARTER.replace("BLOCKS", lines))
    return file


def packaged_blocks() -> list[str]:
    """The blocks that a user's template can replace, in their order."""
    tree = CardEnvironment(None).parse((template_root() / TEMPLATE).read_text(encoding="utf-8"))
    return [block.name for block in tree.find_all(nodes.Block)]


def check_templates(folder: Path, project: ProjectConfig) -> list[Finding]:
    """Everything wrong with the templates in `folder`, by file and line.

    Each is compiled and its variables are looked up; then sample cards are rendered. Raises
    CardError when there is nothing to check.
    """
    files = sorted(file for file in folder.rglob("*.j2") if file.is_file())
    if not files:
        raise CardError("no templates here", where=folder, fix="hubtools templates copy makes one")
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
        yield Finding(file, 1, f"not UTF-8 (byte {error.start})")
    except TemplateSyntaxError as error:
        yield Finding(file, error.lineno, str(error.message))
    except TemplateNotFound as error:
        lines = text.splitlines()
        line = next((n for n, shown in enumerate(lines, 1) if str(error.name) in shown), 1)
        yield Finding(file, line, f"there is no template {error.name!r}")
    except CardError as error:
        yield _finding(error, file)
    else:
        if name == TEMPLATE:
            yield from _unknown_variables(tree, file, environment)
            yield from _lost_text(tree, file)


def _unknown_variables(
    tree: nodes.Template, file: Path, environment: CardEnvironment
) -> Iterator[Finding]:
    """Variables that nothing sets, in branches too that no sample card takes."""
    unknown = meta.find_undeclared_variables(tree)
    unknown -= {*_OF_A_RENDERING, *environment.globals, *_set_by_parent(environment)}
    for name in tree.find_all(nodes.Name):
        if name.name in unknown and name.ctx == "load":
            yield Finding(file, name.lineno, f"'{name.name}' is undefined")


def _set_by_parent(environment: CardEnvironment) -> Iterator[str]:
    tree = environment.parse((template_root() / TEMPLATE).read_text(encoding="utf-8"))
    for statement in tree.find_all(nodes.Assign):
        yield from (name.name for name in statement.find_all(nodes.Name) if name.ctx == "store")


def _lost_text(tree: nodes.Template, file: Path) -> Iterator[Finding]:
    """Text beside the blocks of a template that extends another is shown nowhere."""
    if not any(isinstance(node, nodes.Extends) for node in tree.body):
        return
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            continue
        for node in output.nodes:
            if not isinstance(node, nodes.TemplateData) or node.data.strip():
                yield Finding(file, node.lineno, "is in no block, and is shown nowhere")
                break


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
    """The place that an error names; the start of `file` where it names none."""
    place = _PLACE.fullmatch(error.where or "")
    what = f"{error.what}. {error.fix}" if error.fix else error.what
    return Finding(Path(place[1]), int(place[2]), what) if place else Finding(file, 1, what)
