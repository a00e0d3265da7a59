"""JSON records one after the other, so that a large file is never in memory as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.characters import TextMember

Decoder = Callable[[str, int], tuple[Any, int]]

_CHUNK = 1 << 20
_LONGEST_LITERAL = 5_000
"""Longer than any word or number in JSON: Python reads integers of up to 4,300 digits."""
_SPACE = re.compile(r"[ \t\r\n]*")
_TRUNCATED = "not valid JSON: ends in the middle of a record"
_FIX = "Export the file again, or correct that line"


class JsonStream(AbstractContextManager["JsonStream"]):
    """Reads JSON values from a text file: the items of one array, or values in sequence.

    At most `record_limit` characters (by default the container's) are kept for one value.
    Raises SourceError with file and line.
    """

    decoders: tuple[Decoder, ...] = (json.JSONDecoder().raw_decode,)
    """Each takes the text and an index, and raises ValueError. The one that worked last is tried
    first; if none does, the first one's error is reported."""
    trailing_commas = False

    def __init__(self, member: TextMember, record_limit: int | None = None) -> None:
        self._text, self._where = member.open(), member.where
        self._limit = record_limit or member.container.limits.record
        self._data = self._text.read(_CHUNK)
        self._at, self._line = 0, 1
        self._next_decoders = list(self.decoders)

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Skip `pattern` if it matches here, within the first million characters."""
        found = pattern.match(self._data, self._at)
        if found:
            self._advance(found.end())
        return found

    def values(self) -> Iterator[tuple[int, Any]]:
        """Each value with the line it starts on."""
        if self._next() == "[":
            yield from self._list()
            if self._next() not in ("", ";"):
                raise self._broken("not valid JSON: more data after the list", self._line)
            return
        while self._next():
            line = self._line
            yield line, self._value(line)

    def objects(self, kind: str, fix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each value with its file and line. Raises SourceError for one that is not an object."""
        for line, value in self.values():
            where = f"{self._where}:{line}"
            if not isinstance(value, dict):
                raise SourceError(f"is not {kind}", where=where, fix=fix)
            yield where, value

    def members(self, lists: Collection[str]) -> Iterator[tuple[int, str, Any]]:
        """The members of every object (in sequence or in a list) as (line, key, value).

        A list under one of the keys `lists` is not read whole: its items come one by one, each
        with that key. Values that are not objects come with the key "".
        """
        in_list = self._next() == "["
        if in_list:
            self._advance(self._at + 1)
        while (mark := self._next()) not in ("", "]"):
            if mark == "{":
                yield from self._object(lists)
            else:
                yield self._line, "", self._value()
            if in_list and self._next() == ",":
                self._advance(self._at + 1)
        if in_list != (mark == "]"):
            what = _TRUNCATED if in_list else "not valid JSON: unexpected ']'"
            raise self._broken(what, self._line)

    def value(self) -> Any:
        self._next()
        return self._value()

    def _object(self, lists: Collection[str]) -> Iterator[tuple[int, str, Any]]:
        mark = ","
        while mark == ",":
            self._advance(self._at + 1)
            if self._next() == "}":
                break
            key = self._value()
            if not isinstance(key, str) or self._next() != ":":
                raise self._broken("not valid JSON: expected a key and ':'", self._line)
            self._advance(self._at + 1)
            if self._next() == "[" and key in lists:
                yield from ((line, key, value) for line, value in self._list())
            else:
                yield self._line, key, self._value()
            mark = self._next()
        if self._next() != "}":
            what = "not valid JSON: expected ',' or '}' after a member"
            raise self._broken(what if mark else _TRUNCATED, self._line)
        self._advance(self._at + 1)

    def _list(self) -> Iterator[tuple[int, Any]]:
        self._advance(self._at + 1)
        mark = "]" if self._next() == "]" else ","
        while mark != "]":
            line = self._line
            yield line, self._value()
            mark = self._next()
            if mark not in (",", "]"):
                what = "not valid JSON: expected ',' or ']' after a record"
                raise self._broken(what if mark else _TRUNCATED, self._line)
            if mark == ",":
                self._advance(self._at + 1)
                if self._next() == "]" and self.trailing_commas:
                    break
        self._advance(self._at + 1)

    def _value(self, line: int | None = None) -> Any:
        """Decode one value; report an error on `line`, by default where it is found."""
        while True:
            errors: dict[Decoder, ValueError] = {}
            for decode in self._next_decoders:
                try:
                    value, end = decode(self._data, self._at)
                except RecursionError:
                    raise self._broken("is nested too deeply", self._line) from None
                except ValueError as error:
                    errors[decode] = error
                    if self._may_be_cut(error) and self._more():
                        break
                else:
                    self._advance(end)
                    if errors:  # building them takes a pass over all the text so far
                        others = [one for one in self.decoders if one != decode]
                        self._next_decoders = [decode, *others]
                    return value
            else:
                first = errors[self.decoders[0]]
                position = getattr(first, "pos", self._at)
                at = line or self._line + self._data.count("\n", self._at, position)
                raise self._broken(_reason(first, position >= len(self._data)), at) from first

    def _may_be_cut(self, error: ValueError) -> bool:
        """Whether the value may just continue after what has been read so far."""
        position = getattr(error, "pos", self._at)
        at_end = position > len(self._data) - _LONGEST_LITERAL
        return at_end or str(error).startswith("Unterminated")

    def _next(self) -> str:
        """The next character that is not a space, without consuming it; "" at the end."""
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
        """Drop what was consumed and read on; False at the end of the text."""
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
    if not isinstance(error, json.JSONDecodeError):
        return "not valid JSON: has a number with too many digits"
    message = error.msg.lower().removesuffix(" at")
    if at_end or message.startswith("unterminated"):
        return _TRUNCATED
    return f"not valid JSON: {message}"
