"""Every kind of mistake is found, at its line, and none where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.cards import limits
from hubtools.cards.card_file import card_toml
from hubtools.cards.check import CardChecker, Finding
from hubtools.cards.identifiers import unknown_language, unknown_licence, unknown_pipeline
from hubtools.cards.sample_cards import sample_cards
from tests.cards.samples import CYBORG, HARBOUR, RETIRED


def check(folder: Path, **texts: str) -> list[str]:
    """What is found in cards of these texts, as lines without the folder."""
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    files = [folder / f"{name}.toml" for name in texts]
    return lines_of(files, folder)


def lines_of(files: list[Path], folder: Path) -> list[str]:
    """The findings in `files`, as lines without the folder."""
    checker = CardChecker(folder / "models")
    found = [finding for file in files for finding in checker.check(file)]
    return [str(finding).removeprefix(f"{folder}/") for finding in found]


@pytest.mark.parametrize("card", [HARBOUR, CYBORG, RETIRED, *sample_cards()], ids=lambda c: c.repo)
def test_good_cards_have_no_findings(card: object, tmp_path: Path) -> None:
    text = card_toml(replace(card, prose=None))  # type: ignore[type-var]
    assert check(tmp_path, **{card.repo: text}) == []  # type: ignore[attr-defined]


MISTAKES = {
    "unknown key": (
        '[[accounts]]\nhandel = "x"',
        "3: unknown key 'accounts[0].handel'. Did you mean 'handle'?",
    ),
    "type": ('\ntags = [\n"a",\n1]', "5: tags[1]: expected str, got int"),
    "missing": ('[[runs]]\nkind = "report"', "2: missing key 'runs[0].url'"),
    "state": ('state = "gone"', "2: state: invalid enum value 'gone'"),
    "prose": (
        'prose = "x"',
        "2: unknown key 'prose'. Prose stands in a .md file of the card's name",
    ),
    "long": (f'prompt = "{"x" * 501}"', "2: prompt: 501 characters, more than 500"),
    "long tag": (f'tags = ["{"x" * 101}"]', "2: tags[0]: 101 characters, more than 100"),
    "many tags": (f"tags = {['x'] * 101}", "2: tags: 101, more than 100"),
    "blank": (
        '[[accounts]]\n\nname = " "',
        "4: accounts[0].name: is empty. Leave out what is not known",
    ),
    "base": ('base_model = "a/b/c"', "2: base_model: 'a/b/c' is no repository id"),
    "language": (
        'language = ["en", "zh-CN"]',
        "2: language[1]: 'zh-CN' is no language of ISO 639-1, 639-2 or 639-3",
    ),
    "licence": (
        '[metadata]\nlicense = "apache2"',
        "3: metadata.license: 'apache2' is no licence that the Hub knows; did you mean",
    ),
    "licence list": (
        'metadata.license = ["mit", "mitt"]',
        "2: metadata.license[1]: 'mitt' is no licence that the Hub knows; did you mean 'mit'?",
    ),
    "licence type": ("metadata.license = 3", "2: metadata.license: expected a string, got 3"),
    "pipeline": (
        'metadata = {pipeline_tag = "text-gen"}',
        "2: metadata.pipeline_tag: 'text-gen' is no pipeline of the Hub; did you mean",
    ),
    "http": (
        'thumbnail = "http://a.example/x.png"',
        "2: thumbnail: 'http://a.example/x.png' is not https",
    ),
    "no address": (
        '[[runs]]\nkind = "report"\nurl = "report.html"',
        "4: runs[0].url: 'report.html' is no https address",
    ),
    "odd address": (
        '[[accounts]]\navatar = "javascript:alert(1)"',
        "3: accounts[0].avatar: 'javascript:alert(1)' is no https address",
    ),
    "bad address": ('thumbnail = "https://[a"', "2: thumbnail: 'https://[a' is no address"),
    "counts": (
        "[[accounts]]\nposts = {downloaded = 9, reposts = 1, dropped = 1, kept = 1}",
        "3: accounts[0].posts: 9 downloaded are not reposts + short + kept, 3",
    ),
    "negative": (
        "[[accounts]]\nposts = {downloaded = 0, reposts = -1, dropped = 1, kept = 0}",
        "3: accounts[0].posts: a count is negative",
    ),
    "share": (
        "[evaluation]\nposts=1\ntest_loss=1\nbits_per_byte=1\npredictions=1\n"
        "memorized_fraction=2\nmemorized_baseline=0",
        "7: evaluation.memorized_fraction: 2.0 is no share from 0 to 1",
    ),
    "front matter": (
        f'metadata.note = "{"x" * limits.FRONT_MATTER_BYTES}"',
        "1: front matter: 1,048,",
    ),
    "toml": ("[", "2: not valid TOML: "),
    "toml at the end": ('a = """\n\n', "4: not valid TOML: "),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_at_its_line(text: str, message: str, tmp_path: Path) -> None:
    (found,) = check(tmp_path, card=f'repo = "card"\n{text}\n')
    assert found.startswith(f"card.toml:{message}")


def test_all_mistakes_of_all_cards_are_found_in_order(tmp_path: Path) -> None:
    assert check(
        tmp_path,
        a='repo = "a"\nqqq = 1\n[metadata]\nlicense = "x"\n',
        broken="repo = ",
        c='language = "xx"\nrepo = "C"',
        d='repo = "c"',
    ) == [
        "a.toml:2: unknown key 'qqq'. Known: " + ", ".join(k for k in _keys()),
        "a.toml:4: metadata.license: 'x' is no licence that the Hub knows",
        "broken.toml:1: not valid TOML: Invalid value",
        "c.toml:1: language: 'xx' is no language of ISO 639-1, 639-2 or 639-3 in lower case",
        "c.toml:2: repo: 'C' is not the name of the file, 'c'",
        "d.toml:1: repo: 'c' is not the name of the file, 'd'",
        "d.toml:1: repo: 'c' is the repository of c.toml too",
    ]


def _keys() -> list[str]:
    return [name for name in HARBOUR.__dataclass_fields__ if name != "prose"]


def test_a_name_that_no_hub_takes(tmp_path: Path) -> None:
    (found,) = check(tmp_path, **{"a--b": 'repo = "a--b"'})
    assert found.startswith("a--b.toml:1: repo: 'a--b' is no name for a repository on the Hub. Use")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'repo = "a"\n\nprompt = "\xff"')
    (tmp_path / "folder.toml").mkdir()
    files = [tmp_path / f"{name}.toml" for name in ("latin", "folder", "gone")]
    assert lines_of(files, tmp_path) == [
        "latin.toml:3: not UTF-8 (byte 22)",
        "folder.toml:1: cannot be read: Is a directory",
        "gone.toml:1: no such card",
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
    assert check(tmp_path, a='repo = "a"') == ["a.md:10: 'http://plain.example' is not https"]
    folder = tmp_path / "models" / "a"
    (folder / "pictures").mkdir(parents=True)
    (tmp_path / "models" / "secret.txt").touch()
    for name in ("run.json", "pictures/a b.png"):
        (folder / name).touch()
    dead = "dead link: the model's folder has no"
    assert check(tmp_path, a='repo = "a"') == [
        f"a.md:1: {dead} './LICENSE'",
        f"a.md:3: {dead} 'gone.md'",
        f"a.md:5: {dead} '../secret.txt'",
        f"a.md:8: {dead} 'lost.png'",
        "a.md:10: 'http://plain.example' is not https",
        f"a.md:17: {dead} 'lost.md'",
    ]


def test_pictures_that_the_models_folder_does_not_have(tmp_path: Path) -> None:
    text = 'repo = "a"\nthumbnail = "own.png"\n[[accounts]]\navatar = "avatar-1.png"\n'
    assert check(tmp_path, a=text) == []
    (tmp_path / "models" / "a").mkdir(parents=True)
    (tmp_path / "models" / "a" / "own.png").touch()
    assert check(tmp_path, a=text) == [
        "a.toml:4: accounts[0].avatar: the model's folder has no file 'avatar-1.png'"
    ]


def test_prose_that_is_no_text_or_too_much(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"one\ntwo \xff")
    assert check(tmp_path, a='repo = "a"') == ["a.md:2: not UTF-8 (byte 8)"]
    (tmp_path / "a.md").write_bytes(b"x" * (limits.README_BYTES + 1))
    (found,) = check(tmp_path, a='repo = "a"')
    assert found.startswith("a.md:1: 10,485,761 bytes, more than the Hub takes in a README")


def test_annotations_are_escaped() -> None:
    finding = Finding(Path("a,b:c%.toml"), 3, "100 % of\r\nlines::error::x, y")
    assert finding.as_annotation() == (
        "::error file=a%2Cb%3Ac%25.toml,line=3::100 %25 of%0D%0Alines::error::x, y"
    )


def test_a_message_is_one_line(tmp_path: Path) -> None:
    (found,) = check(tmp_path, a='repo = "a"\nbase_model = "x\\n::warning::y"')
    assert "\n" not in found


def test_what_the_hub_knows() -> None:
    for code in ("en", "deu", "ger", "tlh", "multilingual", "code"):
        assert unknown_language(code) is None
    for code in ("", "EN", "english", "en-US", "xx"):
        assert unknown_language(code)
    for name in ("apache-2.0", "mit", "cc-by-nc-4.0", "openrail", "llama3.1", "other", "gpl-3.0"):
        assert unknown_licence(name) is None
    for name in ("", "MIT", "apache 2.0", "free"):
        assert unknown_licence(name)
    for name in ("text-generation", "fill-mask", "image-text-to-text", "any-to-any", "other"):
        assert unknown_pipeline(name) is None
    for name in ("", "chat-completion", "base", "Text-Generation"):
        assert unknown_pipeline(name)
