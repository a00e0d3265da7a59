"""JSON records one after the other, so that a large file is never in memory as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, TextIO

from hubtools.core.errors import SourceError

_CHUNK = 1 << 20
_LITERAL = 5_000
"""More characters than the longest word or number that JSON can have: Python reads 4,300 digits."""
_SPACE = re.compile(r"[ \t\r\n]*")
ENDED = "not valid JSON: ends in the middle of a record"
_AFTER_RECORD = "not valid JSON: expected ',' or ']' after a record"
_AFTER_MEMBER = "not valid JSON: expected ',' or '}' after a member"
_FIX = "Export it again, or correct that line"


class JsonStream:
    """Reads JSON values from text: those of one array, or values that follow one another.

    Errors are SourceErrors with the file (`where`) and the line.
    """

    def __init__(self, text: TextIO, where: str, record_limit: int) -> None:
        self._text, self._where, self._limit = text, where, record_limit
        self._decode = json.JSONDecoder().raw_decode
        self._data = text.read(_CHUNK)
        self._at, self._line = 0, 1

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Step over `pattern` when it stands here, within the first million characters."""
        found = pattern.match(self._data, self._at)
        if found:
            self._advance(found.end())
        return found

    def values(self) -> Iterator[tuple[int, Any]]:
        """Every value with the line on which it starts."""
        if self._next() == "[":
            yield from self._array()
        else:
            yield from self._sequence()

    def members(self, lists: Collection[str]) -> Iterator[tuple[int, str, Any]]:
        """The members of every object, one after the other or in a list, with line and key.

        What stands in a list under one of the keys `lists` comes one by one, each with that key.
        Values that are no objects come with the key "".
        """
        in_list = self._next() == "["
        if in_list:
            self._advance(self._at + 1)
        while (mark := self._next()) not in ("", "]"):
            if mark == "{":
                yield from self._object(lists)
            else:
                yield self._line, "", self._value(None)
            if in_list and self._next() == ",":
                self._advance(self._at + 1)
        if in_list != (mark == "]"):
            raise self._broken(ENDED if in_list else "not valid JSON: unexpected ']'", self._line)

    def value(self) -> Any:
        """The one value that stands here."""
        self._next()
        return self._value(None)

    def _object(self, lists: Collection[str]) -> Iterator[tuple[int, str, Any]]:
        mark = ","
        while mark == ",":
            self._advance(self._at + 1)
            if self._next() == "}":
                break
            key = self._value(None)
            if not isinstance(key, str) or self._next() != ":":
                raise self._broken("not valid JSON: expected a key and ':'", self._line)
            self._advance(self._at + 1)
            if self._next() == "[" and key in lists:
                yield from ((line, key, value) for line, value in self._list())
            else:
                yield self._line, key, self._value(None)
            mark = self._next()
        if self._next() != "}":
            raise self._broken(_AFTER_MEMBER if mark else ENDED, self._line)
        self._advance(self._at + 1)

    def _array(self) -> Iterator[tuple[int, Any]]:
        yield from self._list()
        if self._next() not in ("", ";"):
            raise self._broken("not valid JSON: something follows the list", self._line)

    def _list(self) -> Iterator[tuple[int, Any]]:
        mark = ","
        self._advance(self._at + 1)
        if self._next() == "]":
            mark = "]"
        while mark != "]":
            line = self._line
            yield line, self._value(None)
            mark = self._next()
            if mark not in (",", "]"):
                raise self._broken(_AFTER_RECORD if mark else ENDED, self._line)
            if mark == ",":
                self._advance(self._at + 1)
                self._next()
        self._advance(self._at + 1)

    def _sequence(self) -> Iterator[tuple[int, Any]]:
        while self._next():
            line = self._line
            yield line, self._value(line)

    def _value(self, line: int | None) -> Any:
        """Decode one value; an error is reported on `line`, or where it is when that is None."""
        while True:
            try:
                value, end = self._decode(self._data, self._at)
            except RecursionError:
                raise self._broken("is nested too deeply", self._line) from None
            except ValueError as error:
                position = getattr(error, "pos", self._at)
                if self._may_go_on(error, position) and self._more():
                    continue
                at = line or self._line + self._data.count("\n", self._at, position)
                raise self._broken(_reason(error, position >= len(self._data)), at) from error
            self._advance(end)
            return value

    def _may_go_on(self, error: ValueError, position: int) -> bool:
        """Whether the value may only be cut off by the end of what has been read so far."""
        return str(error).startswith("Unterminated") or position > len(self._data) - _LITERAL

    def _next(self) -> str:
        """The next character that is no space, which stays where it is; "" at the end."""
        while True:
            self._advance(_SPACE.match(self._data, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._data):
                return self._data[self._at]
            if not self._more():
                return ""

    def _advance(self, to: int) -> None:
        self._line += self._data.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Let go of what was read and read on; False at the end of the text."""
        left = len(self._data) - self._at
        if left > self._limit:
            raise self._broken(f"has a record of more than {self._limit:,} characters", self._line)
        chunk = self._text.read(max(_CHUNK, left))
        if chunk:
            self._data, self._at = self._data[self._at :] + chunk, 0
        return bool(chunk)

    def _broken(self, what: str, line: int) -> SourceError:
        return SourceError(what, where=f"{self._where}:{line}", fix=_FIX)


def _reason(error: ValueError, at_end: bool) -> str:
    message = getattr(error, "msg", str(error)).lower().removesuffix(" at")
    if at_end or message.startswith("unterminated"):
        return ENDED
    return f"not valid JSON: {message}"
