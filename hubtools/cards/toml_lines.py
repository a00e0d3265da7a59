"""The line of each key in a TOML file, which TOML readers do not report."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Keys and positions from the top: `("accounts", 0, "handle")`."""

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of each key and of each item of an array in `text`, which is valid TOML."""
    return _Scan(text).lines


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """The line of `path`, or of the innermost table that would contain it; otherwise 1."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


class _Scan:
    """Scans a document once from start to end, without interpreting values."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._breaks = [match.end() for match in re.finditer("\n", text)]
        self._tables: dict[KeyPath, int] = {}
        table: KeyPath = ()
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self) -> str:
        """The next character outside white space and comments; '' at the end."""
        self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not valid TOML at character {self._at}")
        self._at = match.end()
        return match[0]

    def _mark(self, path: KeyPath) -> None:
        self.lines.setdefault(path, bisect_right(self._breaks, self._at) + 1)

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._at += 1 + is_array
        path: KeyPath = ()
        keys = self._key()
        for key in keys[:-1]:
            path = self._into((*path, key))
        path = (*path, keys[-1])
        self._mark(path)
        if is_array:
            self._tables[path] = self._tables.get(path, 0) + 1
        path = self._into(path)
        self._mark(path)
        self._next()
        self._at += 1 + is_array
        return path

    def _into(self, path: KeyPath) -> KeyPath:
        """The table at `path`; of an array of tables the last one."""
        self._mark(path)
        count = self._tables.get(path)
        return path if count is None else (*path, count - 1)

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        keys = self._key()
        after, self._at = self._at, start
        for length in range(1, len(keys) + 1):
            self._mark((*table, *keys[:length]))
        self._at = after
        self._next()
        self._at += 1  # the equals sign
        self._value((*table, *keys))

    def _key(self) -> list[str]:
        keys: list[str] = []
        while not keys or self._next() == ".":
            self._at += bool(keys)
            if self._next() in "\"'":
                keys.append(tomllib.loads(f"key = {self._take(_STRING)}")["key"])
            else:
                keys.append(self._take(_BARE_KEY))
        return keys

    def _value(self, path: KeyPath) -> None:
        first = self._next()
        if first == "[":
            self._items(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._take(_STRING if first in ('"', "'") else _PLAIN)

    def _items(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while self._next() not in ("]", ""):
            self._mark((*path, index))
            self._value((*path, index))
            index += 1
            self._at += self._next() == ","
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._next() not in ("}", ""):
            self._pair(path)
            self._at += self._next() == ","
        self._at += 1
