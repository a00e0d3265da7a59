"""Everything that is wrong with cards, each finding with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from hubtools.cards import limits
from hubtools.cards.card import Card
from hubtools.cards.check_rules import bad_address, problems_of
from hubtools.cards.links import links_of
from hubtools.cards.schema import Problem, Rule, mistakes
from hubtools.cards.toml_lines import key_lines, line_of

_WRITTEN_LATER = ("README.md",)
"""Files of a model's folder that may be missing still."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something wrong in a file; `line` counts from 1, and `rule` names the kind for programs."""

    file: Path
    line: int
    rule: Rule
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"

    def as_annotation(self) -> str:
        """The workflow command by which GitHub shows the finding at its line."""
        file = _escaped(str(self.file)).replace(":", "%3A").replace(",", "%2C")
        return f"::error file={file},line={self.line}::{_escaped(self.message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


class CardChecker:
    """Finds what is wrong with one card after another, and two cards of one repository.

    `models` holds the models' folders: links to a model's files are checked where it has one.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._repos: dict[str, Path] = {}

    def check(self, file: Path) -> list[Finding]:
        """What is wrong with the card in `file`, by line."""
        return sorted(set(self._findings(file)))

    def _findings(self, file: Path) -> Iterator[Finding]:
        text = _text(file)
        if isinstance(text, Finding):
            yield text
            return
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            yield _not_toml(file, text, error)
            return
        lines = key_lines(text)
        for problem in self._problems(table, file):
            yield Finding(file, line_of(problem.path, lines), problem.rule, problem.message)
        yield from _check_prose(file.with_suffix(".md"), self._models / file.stem)

    def _problems(self, table: dict[str, Any], file: Path) -> Iterator[Problem]:
        wrong = list(mistakes(table, Card))
        yield from wrong
        repo = table.get("repo")
        if isinstance(repo, str):
            first = self._repos.setdefault(repo.lower(), file)
            if first != file:
                what = f"{repo!r} is also the repository of {first.name}"
                yield Problem(("repo",), "repository", what)
        card = _card(table, wrong)
        if card is not None:
            folder = self._models / file.stem
            known = folder.is_dir()
            yield from problems_of(card, file.stem, lambda name: not known or _has(folder, name))


def _text(file: Path) -> str | Finding:
    try:
        data = file.read_bytes()
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Finding(file, line, "unreadable", f"not UTF-8 (byte {error.start})")
    except FileNotFoundError:
        return Finding(file, 1, "unreadable", "no such card")
    except OSError as error:
        return Finding(file, 1, "unreadable", f"cannot be read: {error.strerror or error}")


def _not_toml(file: Path, text: str, error: tomllib.TOMLDecodeError) -> Finding:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
    last = len(text.splitlines()) or 1
    line = int(place[1]) if place and place[1] else last
    what = str(error)[: place.start()] if place else str(error)
    return Finding(file, line, "toml", f"not valid TOML: {what}")


def _card(table: dict[str, Any], wrong: Sequence[Problem]) -> Card | None:
    """The card without its invalid keys, so that one mistake does not hide others."""
    broken = {problem.path[0] for problem in wrong if problem.path}
    if not isinstance(table.get("repo"), str):
        return None
    sound = {key: value for key, value in table.items() if key not in broken}
    try:
        return replace(msgspec.convert(sound, Card), prose=None)
    except msgspec.ValidationError:
        return None


def _has(folder: Path, name: str) -> bool:
    return name in _WRITTEN_LATER or (folder / name).exists()


def _check_prose(file: Path, folder: Path) -> Iterator[Finding]:
    if not file.is_file():
        return
    text = _text(file)
    if isinstance(text, Finding):
        yield text
        return
    size = len(text.encode())
    if size > limits.README_BYTES:
        what = f"{size:,} bytes; the Hub's limit for a README is {limits.README_BYTES:,}"
        yield Finding(file, 1, "length", what)
        return
    for link in links_of(text):
        found = _bad_link(link.target, folder)
        if found is not None:
            yield Finding(file, link.line, *found)


def _bad_link(target: str, folder: Path) -> tuple[Rule, str] | None:
    try:
        parts = urlsplit(target)
    except ValueError:
        return "address", f"{target!r} is not an address"
    if parts.scheme == "mailto":
        return None
    if parts.scheme or parts.netloc:
        what = bad_address(target)
        return None if what is None else ("address", what)
    path = unquote(parts.path)
    if not path or path.startswith("/") or not folder.is_dir():
        return None  # within the page, elsewhere on the Hub, or not known
    inside = (folder / path).resolve().is_relative_to(folder.resolve())
    if inside and _has(folder, path.removeprefix("./")):
        return None
    return "missing-file", f"dead link: the model's folder has no {path!r}"
