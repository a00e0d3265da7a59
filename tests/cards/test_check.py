"""Every kind of mistake is found, at its line, and none where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from hubtools.cards import limits
from hubtools.cards.card_file import card_toml
from hubtools.cards.check import CardChecker, Finding
from hubtools.cards.identifiers import unknown_language, unknown_license, unknown_pipeline
from hubtools.cards.user_templates import sample_cards
from tests.cards.samples import CYBORG, HARBOUR, RETIRED


def check(folder: Path, **texts: str) -> list[Finding]:
    """What is found in cards of these texts, their files named from `folder`."""
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return findings_in([folder / f"{name}.toml" for name in texts], folder)


def findings_in(files: list[Path], folder: Path) -> list[Finding]:
    checker = CardChecker(folder / "models")
    found = [finding for file in files for finding in checker.check(file)]
    return [replace(finding, file=finding.file.relative_to(folder)) for finding in found]


def places(findings: list[Finding]) -> list[tuple[str, int, str]]:
    """File, line and rule of each."""
    return [(str(f.file), f.line, f.rule) for f in findings]


@pytest.mark.parametrize("card", [HARBOUR, CYBORG, RETIRED, *sample_cards()], ids=lambda c: c.repo)
def test_good_cards_have_no_findings(card: object, tmp_path: Path) -> None:
    text = card_toml(replace(card, prose=None))  # type: ignore[type-var]
    assert check(tmp_path, **{card.repo: text}) == []  # type: ignore[attr-defined]


MISTAKES = {
    "unknown key": ('[[accounts]]\nhandel = "x"', 3, "unknown-key"),
    "type": ('\ntags = [\n"a",\n1]', 5, "type"),
    "missing": ('[[runs]]\nkind = "report"', 2, "missing-key"),
    "state": ('state = "gone"', 2, "type"),
    "prose": ('prose = "x"', 2, "unknown-key"),
    "long": (f'prompt = "{"x" * 501}"', 2, "length"),
    "long tag": (f'tags = ["{"x" * 101}"]', 2, "length"),
    "many tags": (f"tags = {['x'] * 101}", 2, "length"),
    "blank": ('[[accounts]]\n\nname = " "', 4, "empty"),
    "base": ('base_model = "a/b/c"', 2, "repository"),
    "language": ('language = ["en", "zh-CN"]', 2, "identifier"),
    "license": ('[metadata]\nlicense = "apache2"', 3, "identifier"),
    "license list": ('metadata.license = ["mit", "mitt"]', 2, "identifier"),
    "license type": ("metadata.license = 3", 2, "type"),
    "pipeline": ('metadata = {pipeline_tag = "text-gen"}', 2, "identifier"),
    "http": ('thumbnail = "http://a.example/x.png"', 2, "address"),
    "no address": ('[[runs]]\nkind = "report"\nurl = "report.html"', 4, "address"),
    "odd address": ('[[accounts]]\navatar = "javascript:alert(1)"', 3, "address"),
    "bad address": ('thumbnail = "https://[a"', 2, "address"),
    "counts": (
        "[[accounts]]\nposts = {downloaded = 9, reposts = 1, dropped = 1, kept = 1}", 3, "count"
    ),
    "negative": (
        "[[accounts]]\nposts = {downloaded = 0, reposts = -1, dropped = 1, kept = 0}", 3, "count"
    ),
    "fraction": (
        "[evaluation]\nposts=1\ntest_loss=1\nbits_per_byte=1\npredictions=1\n"
        "memorized_fraction=2\nmemorized_baseline=0", 7, "count"
    ),
    "front matter": (f'metadata.note = "{"x" * limits.FRONT_MATTER_BYTES}"', 1, "front-matter"),
    "toml": ("[", 2, "toml"),
    "toml at the end": ('a = """\n\n', 4, "toml"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "rule"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_at_its_line(text: str, line: int, rule: str, tmp_path: Path) -> None:
    found = check(tmp_path, card=f'repo = "card"\n{text}\n')
    assert places(found) == [("card.toml", line, rule)]


def test_what_is_said_of_each_mistake(
    tmp_path: Path, file_regression: FileRegressionFixture
) -> None:
    said = [
        str(finding)
        for text, *_ in MISTAKES.values()
        for finding in check(tmp_path, card=f'repo = "card"\n{text}\n')
    ]
    file_regression.check("\n".join(said))


def test_all_mistakes_of_all_cards_are_found_in_order(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        a='repo = "a"\nqqq = 1\n[metadata]\nlicense = "x"\n',
        broken="repo = ",
        c='language = "xx"\nrepo = "C"',
        d='repo = "c"',
    )
    assert places(found) == [
        ("a.toml", 2, "unknown-key"),
        ("a.toml", 4, "identifier"),
        ("broken.toml", 1, "toml"),
        ("c.toml", 1, "identifier"),
        ("c.toml", 2, "repository"),
        ("d.toml", 1, "repository"),
        ("d.toml", 1, "repository"),
    ]
    assert all(key in found[0].message for key in HARBOUR.__dataclass_fields__ if key != "prose")


def test_a_name_that_no_hub_takes(tmp_path: Path) -> None:
    found = check(tmp_path, **{"a--b": 'repo = "a--b"'})
    assert places(found) == [("a--b.toml", 1, "repository")]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'repo = "a"\n\nprompt = "\xff"')
    (tmp_path / "folder.toml").mkdir()
    files = [tmp_path / f"{name}.toml" for name in ("latin", "folder", "gone")]
    assert places(findings_in(files, tmp_path)) == [
        ("latin.toml", 3, "unreadable"),
        ("folder.toml", 1, "unreadable"),
        ("gone.toml", 1, "unreadable"),
    ]


PROSE = """Hello [one](run.json) and [two](./LICENSE).

[gone](gone.md "title") and `[code](nothing.md)`
![picture](pictures/a%20b.png)
[up](../secret.txt) [page](#top) [hub](/docs) [mail](mailto:a@b.example)

<p>
<img src="lost.png" alt=""></p>

<a href="http://plain.example">x</a> and https://fine.example

```
[fenced](nothing.md)
```

[ref]: lost.md
See [ref].
"""


def test_links_of_prose(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(PROSE)
    assert places(check(tmp_path, a='repo = "a"')) == [("a.md", 10, "address")]
    folder = tmp_path / "models" / "a"
    (folder / "pictures").mkdir(parents=True)
    (tmp_path / "models" / "secret.txt").touch()
    for name in ("run.json", "pictures/a b.png"):
        (folder / name).touch()
    found = check(tmp_path, a='repo = "a"')
    dead = [f for f in found if f.rule == "missing-file"]
    lost = {1: "./LICENSE", 3: "gone.md", 5: "../secret.txt", 8: "lost.png", 17: "lost.md"}
    assert {f.line: f.message.split("'")[-2] for f in dead} == lost
    assert places([f for f in found if f not in dead]) == [("a.md", 10, "address")]


def test_pictures_that_the_models_folder_does_not_have(tmp_path: Path) -> None:
    text = 'repo = "a"\nthumbnail = "own.png"\n[[accounts]]\navatar = "avatar-1.png"\n'
    assert check(tmp_path, a=text) == []
    (tmp_path / "models" / "a").mkdir(parents=True)
    (tmp_path / "models" / "a" / "own.png").touch()
    (found,) = check(tmp_path, a=text)
    assert places([found]) == [("a.toml", 4, "missing-file")]
    assert "avatar-1.png" in found.message


def test_prose_that_is_no_text_or_too_much(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"one\ntwo \xff")
    assert places(check(tmp_path, a='repo = "a"')) == [("a.md", 2, "unreadable")]
    (tmp_path / "a.md").write_bytes(b"x" * (limits.README_BYTES + 1))
    assert places(check(tmp_path, a='repo = "a"')) == [("a.md", 1, "length")]


def test_annotations_are_escaped() -> None:
    finding = Finding(Path("a,b:c%.toml"), 3, "type", "100 % of\r\nlines::error::x, y")
    assert finding.as_annotation() == (
        "::error file=a%2Cb%3Ac%25.toml,line=3::100 %25 of%0D%0Alines::error::x, y"
    )


def test_a_message_is_one_line(tmp_path: Path) -> None:
    (found,) = check(tmp_path, a='repo = "a"\nbase_model = "x\\n::warning::y"')
    assert "\n" not in str(found)


def test_what_the_hub_knows() -> None:
    for code in ("en", "deu", "ger", "tlh", "multilingual", "code"):
        assert unknown_language(code) is None
    for code in ("", "EN", "english", "en-US", "xx"):
        assert unknown_language(code)
    for name in ("apache-2.0", "mit", "cc-by-nc-4.0", "openrail", "llama3.1", "other", "gpl-3.0"):
        assert unknown_license(name) is None
    for name in ("", "MIT", "apache 2.0", "free"):
        assert unknown_license(name)
    for name in ("text-generation", "fill-mask", "image-text-to-text", "any-to-any", "other"):
        assert unknown_pipeline(name) is None
    for name in ("", "chat-completion", "base", "Text-Generation"):
        assert unknown_pipeline(name)
