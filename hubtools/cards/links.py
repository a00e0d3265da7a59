"""The links and pictures of a Markdown text, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class MarkdownLink:
    """A link's target and its line, from 1."""

    target: str
    line: int


def links_of(text: str) -> Iterator[MarkdownLink]:
    """The targets of links and pictures in `text`, raw HTML included, code excluded."""
    lines = text.splitlines()
    for token in MarkdownIt("gfm-like", {"html": True}).parse(text):
        first, end = token.map or (0, len(lines))
        for target in _targets(token):
            yield MarkdownLink(target, _line(target, lines, first, end))


def _targets(token: Token) -> Iterator[str]:
    if token.type in ("html_block", "html_inline"):
        collector = _Collector()
        collector.feed(token.content)
        yield from collector.found
    for name in ("href", "src"):
        target = token.attrs.get(name)
        if isinstance(target, str):
            yield target
    for child in token.children or ():
        yield from _targets(child)


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.extend(value for name, value in attrs if name in ("href", "src") and value)


def _line(target: str, lines: Sequence[str], first: int, end: int) -> int:
    """The line in the block that contains `target` literally; otherwise the block's first line."""
    return next(
        (n + 1 for n in range(first, min(end, len(lines))) if target in lines[n]), first + 1
    )
