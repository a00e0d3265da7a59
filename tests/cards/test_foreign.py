"""Anybody's README: nothing of it is lost, and nothing of ours is put in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hubtools.cards.card import Card
from hubtools.cards.card_file import add_card, load_card
from hubtools.cards.frontmatter import read_front_matter
from hubtools.cards.importing import import_paths, import_readme
from hubtools.cards.legacy import UnknownRepositoryError
from hubtools.cards.render import CardRenderer, unsealed
from hubtools.cards.yaml_emitter import emit_yaml
from hubtools.cards.yaml_reader import read_yaml, to_yaml
from hubtools.core.errors import CardError, ConflictError

RENDERER = CardRenderer("acme", "https://huggingface.co")
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
README = """\
---
# See the docs of the Hub.
license: apache-2.0
language:
- no
- en
version: 1.10
tags: []
library_name: sentence-transformers  # not ours to change
datasets: [a/b, c/d]
base_model:
- x/y
- y/z
eval: {date: 2021-08-29, at: 12:30, on: yes, none: , exp: 1e3, big: 12345678901234567890123}
co2_eq_emissions:
  emissions: 12.5
extra_gated_prompt: |
  Be kind.

  Please.
---

<h1>My model</h1>

{{ not a template }} {% nor this %}

| a | b |
|---|---|
| 1 | 2 |

## Tabs

\tcode
"""


def test_all_of_a_foreign_readme_is_kept() -> None:
    card = import_readme(README, repo="theirs")
    data, _, body = read_front_matter(README)
    assert card == Card(
        repo="theirs",
        body="own",
        language=("no", "en"),
        metadata={key: value for key, value in data.items() if key != "language"},
        comments=("See the docs of the Hub.", "not ours to change"),
        prose=body.strip("\n"),
    )
    assert card.metadata["version"] == {"yaml": "1.10"}
    assert card.metadata["eval"] == {
        "date": date(2021, 8, 29),
        "at": "12:30",
        "on": "yes",
        "none": {"yaml": ""},
        "exp": {"yaml": "1e3"},
        "big": 12345678901234567890123,
    }


def test_its_rendering_has_nothing_of_ours_but_the_digest() -> None:
    text = RENDERER.render(import_readme(README, repo="theirs"))
    data, _, body = read_front_matter(unsealed(text))
    original, _, own = read_front_matter(README)
    assert data == original
    assert body.strip("\n") == own.strip("\n")
    assert "hubtools card" not in text
    assert "version: 1.10\n" in text
    assert '"on": "yes"\n' in text


@pytest.mark.parametrize(
    "text",
    [
        README,
        README.replace("\n", "\r\n"),
        "\ufeff" + README,
        "# No front matter\n\n---\n\nx: 1\n\n---\n",
        "---\n---\n\n---\n\nafter a rule\n",
        "---\n# only a comment\n---\nbody\n",
        "---\nlicense: mit\n---\n",
        "---\nlicense: mit\n---",
        "---\nwidget:\n- text: Hello\n---\nx",
        "---\nwidget:\n- text: Hello\n  example_title: Hi\n- text: Two\n---\nx",
        "---\nyaml: x\na: {yaml: y}\nb: {yaml: 1.10}\nc: {yaml: {yaml: 2}}\n---\nx",
        "---\nthumbnail: null\nlanguage: no\nbase_model: ''\n---\nx",
        "---\n1: one\ntrue: two\n~: three\n---\nx",
        "---\nk: &a [1, {b: 2}]\nl: *a\n<<: {m: 3}\n---\nx",
        "---\nt: 2021-08-29T10:00:00Z\nu: 2021-08-29 10:00:00\nv: 0x1F\nw: 012\nx: +1\n---\nx",
        "x\n\n<!-- hubtools sha256:" + "0" * 64 + " -->\n",
        "x\n\n<!-- a comment of theirs -->\n",
        "",
    ],
)
def test_import_and_render_and_import_is_the_identity(text: str, tmp_path: Path) -> None:
    card = import_readme(text, repo="theirs")
    assert import_readme(RENDERER.render(card), repo="theirs") == card
    assert add_card(card, tmp_path)
    assert load_card(tmp_path / "theirs.toml") == card
    assert not add_card(card, tmp_path)


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 4: front matter has the key 'a' twice"),
        ("a: !mine 1", "line 2: front matter has a tag that cannot be kept, '!mine'"),
        ("a: 1\nb: !!binary aGk=", "line 3: front matter has a tag"),
        ("? [a]\n: 1", "line 2: front matter has a key that is not a plain value"),
        ("- a\n- b", "line 1: front matter is not a mapping"),
        ("a: [1", "line 3: front matter: "),
        ("a: " + "[" * 5000, "nested too deeply|line"),
        (BOMB, "holds too many values"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_an_error_with_its_line(front: str, message: str) -> None:
    with pytest.raises(CardError, match=message):
        import_readme(f"---\n{front}\n---\nx", repo="theirs")


def test_aliases_and_merges_are_written_out() -> None:
    data, _ = read_yaml("a: &x {k: 1, l: 2}\nb: *x\nc: {<<: *x, k: 3}\nd: {<<: [*x, {m: 4}]}")
    assert data["b"] == {"k": 1, "l": 2}
    assert data["c"] == {"k": 3, "l": 2}
    assert data["d"] == {"k": 1, "l": 2, "m": 4}


@pytest.mark.parametrize("text", ["1.10", "null", "", "~", "0x1F", "1e3", '{"yaml": "x"}'])
def test_verbatim_yaml_is_written_as_it_stands(text: str) -> None:
    assert emit_yaml(to_yaml({"k": {"yaml": text}})) == f"k: {text}\n"


@pytest.mark.parametrize(
    "text",
    ["a\nb: 1", "x # y", "- 1", "k: v", "[1", "&a x", "*a", "!x y", "? a", "@", "a:", "|", "---"],
)
def test_verbatim_yaml_is_one_value(text: str) -> None:
    with pytest.raises(CardError):
        to_yaml({"k": {"yaml": text}})


def test_a_repository_that_nobody_names_is_an_error() -> None:
    with pytest.raises(UnknownRepositoryError):
        import_readme("# Hello\n")
    with pytest.raises(CardError) as caught:
        import_readme("# Hello\n", repo="a b")
    assert "a b" in caught.value.what and caught.value.fix is not None


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "one" / "README.md").write_text("---\nlicense: mit\n---\nOne")
    (tmp_path / "two.txt").write_text("---\nlicense: mit\n---\nTwo")
    (tmp_path / "three.md").write_text("no front matter")
    (tmp_path / ".git" / "four.md").write_text("---\na: 1\n---\n")
    (tmp_path / "bad.md").write_text("---\na: 1\na: 2\n---\n")
    (tmp_path / "latin.md").write_bytes(b"---\na: \xff\n---\n")
    found: dict[str, Any] = {file.name: card for file, card in import_paths([tmp_path])}
    assert set(found) == {"README.md", "two.txt", "bad.md", "latin.md"}
    assert (found["README.md"].repo, found["README.md"].prose) == ("one", "One")
    assert found["two.txt"].repo == "two"
    assert str(found["bad.md"]).startswith(f"{tmp_path / 'bad.md'}: line 3: ")
    assert "not UTF-8" in str(found["latin.md"])
    ((_, named),) = import_paths([tmp_path / "three.md"])
    assert isinstance(named, Card)
    assert (named.repo, named.body) == ("three", "own")
    ((_, missing),) = import_paths([tmp_path / "gone.md"])
    assert "cannot be read" in str(missing)


def test_another_card_is_never_overwritten(tmp_path: Path) -> None:
    card = import_readme(README, repo="theirs")
    add_card(card, tmp_path)
    before = (tmp_path / "theirs.toml").read_bytes(), (tmp_path / "theirs.md").read_bytes()
    with pytest.raises(ConflictError):
        add_card(import_readme(README + "more", repo="theirs"), tmp_path)
    assert before == (
        (tmp_path / "theirs.toml").read_bytes(),
        (tmp_path / "theirs.md").read_bytes(),
    )
    (tmp_path / "theirs.toml").unlink()
    assert add_card(card, tmp_path)
    (tmp_path / "lone.md").write_text("mine")
    with pytest.raises(ConflictError, match=r"lone\.md"):
        add_card(import_readme(README, repo="lone"), tmp_path)
