"""`hubtools templates`: a starter that works, and mistakes at their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hubtools.cards.render import CardRenderer
from hubtools.cards.user_templates import packaged_blocks, sample_cards
from hubtools.cli.app import app
from tests.makers import command

EXTENDS = '{% extends "hubtools/card.md.j2" %}\n'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["templates", *arguments])


def write(folder: Path, text: str, name: str = "card.md.j2") -> None:
    file = folder / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_copy_writes_a_starter_that_changes_nothing(folder: Path) -> None:
    result = run("copy")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("Wrote templates/card.md.j2. ")
    assert run("copy", "--out", "other", "-q").stderr == ""
    text = (folder / "templates" / "card.md.j2").read_text(encoding="utf-8")
    assert all(f"       {block}\n" in text for block in packaged_blocks())
    for card in sample_cards():
        copied = CardRenderer("me", templates=folder / "templates").render(card)
        assert copied == CardRenderer("me").render(card)
    done = run("check")
    assert (done.exit_code, done.stdout) == (0, "")


def test_copy_never_overwrites(folder: Path) -> None:
    write(folder, "mine")
    result = command("templates", "copy", cwd=folder)
    file = folder / "templates" / "card.md.j2"
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {file}: ")
    assert result.stderr.count("\n") == 1 and "--out" in result.stderr
    assert file.read_text() == "mine"
    done = json.loads(run("copy", "--out", "other", "--json").stdout)
    assert done == {"file": "other/card.md.j2", "blocks": packaged_blocks()}
    assert (folder / "other" / "card.md.j2").is_file()


MISTAKES = {
    "syntax": (EXTENDS + "{% block about %}\n{% if %}", ":3: "),
    "never closed": (EXTENDS + "{% block about %}", ":2: "),
    "block": (EXTENDS + "\n{% block abuot %}{% endblock %}", ":3: block 'abuot' replaces nothing"),
    "variable": (
        EXTENDS + "{% block about %}\n{{ crad.repo }}{% endblock %}",
        ":3: 'crad' is unde",
    ),
    "rare branch": (
        EXTENDS
        + '{% block about %}{% if card.repo == "rare" %}\n{{ oops }}{% endif %}{% endblock %}',
        ":3: 'oops' is undefined",
    ),
    "attribute": (EXTENDS + "{% block about %}\n{{ card.rpeo }}{% endblock %}", ":3: 'hubtools."),
    "filter": (EXTENDS + "{% block about %}\n{{ card.repo | shout }}{% endblock %}", ":3: "),
    "lost": (EXTENDS + "{% block about %}{% endblock %}\nHello\n", ":3: outside every block"),
    "lost value": (EXTENDS + "\n{{ card.repo }}", ":3: outside every block"),
    "parent": ('{% extends "hubtools/cards.md.j2" %}', ":1: no template 'hubtools/cards"),
    "endless": (
        EXTENDS + "{% block about %}\n{% for a in range(99999) %}{% for b in range(99999) %}"
        "{% endfor %}{% endfor %}{% endblock %}",
        ":3: ",
    ),
    "division": (EXTENDS + "{% block about %}\n{{ 1 / 0 }}{% endblock %}", ":3: division by zero"),
    "forbidden": (
        EXTENDS + "{% block about %}\n{{ card.__class__.__mro__ }}{% endblock %}",
        ":3: access to attribute '__class__'",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_at_its_line(text: str, message: str, folder: Path) -> None:
    write(folder, text)
    result = run("check")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"templates/card.md.j2{message}")


def test_a_mistake_in_another_template(folder: Path) -> None:
    write(folder, EXTENDS + '{% block about %}{% include "parts/end.j2" %}{% endblock %}')
    write(folder, "fine\n{{ card.nothing }}", "parts/end.j2")
    assert run("check").stdout.startswith("templates/parts/end.j2:2: ")
    write(folder, "{% fi %}", "parts/end.j2")
    assert run("check").stdout.startswith("templates/parts/end.j2:1: ")
    (folder / "templates" / "parts" / "end.j2").unlink()
    assert run("check").exit_code == 1


def test_all_mistakes_are_found(folder: Path) -> None:
    write(folder, EXTENDS + "lost\n{% block about %}{{ a }}\n{{ b }}{% endblock %}")
    result = run("check", "--format", "github")
    assert result.stdout.splitlines() == [
        "::error file=templates/card.md.j2,line=2::outside every block, so it is never shown",
        "::error file=templates/card.md.j2,line=3::'a' is undefined",
        "::error file=templates/card.md.j2,line=4::'b' is undefined",
    ]
    found = json.loads(run("check", "--json").stdout)["findings"]
    assert [finding["line"] for finding in found] == [2, 3, 4]


def test_what_the_packaged_template_sets_and_loops_know(folder: Path) -> None:
    write(
        folder,
        EXTENDS + "{% block about %}{{ super() }}{% for a in card.accounts %}{{ loop.index }}"
        "{{ a.name or terms.posts }}{% endfor %}{% set x = 1 %}{{ x }}{{ project.name }}"
        "{{ repo_id }}{% endblock %}",
    )
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_template_without_a_parent_is_a_whole_card(folder: Path) -> None:
    write(folder, "# {{ card.repo }}\n")
    assert run("check").exit_code == 0


def test_nothing_to_check(folder: Path) -> None:
    result = run("check")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: templates: ")
    assert "hubtools templates copy" in result.stderr
