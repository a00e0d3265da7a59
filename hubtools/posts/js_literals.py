"""JavaScript literals as a formatter writes them, made JSON again.

One archive had been through one: keys without quotes, single quotes, commas before brackets. Each
line keeps its number. A parser for JSON5 would do as well, but the one in pure Python reads 0.13 MB
a second, and archives have hundreds.
"""

from __future__ import annotations

import io
import json
import re
from typing import TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.jsonstream import ENDED

_CHUNK = 1 << 20
_TOKEN = re.compile(
    r"""
      "(?:[^"\\\n]|\\.)*+"
    | '(?P<single>(?:[^'\\\n]|\\.)*+)'
    | (?P<key>[A-Za-z_$0-9][\w$]*+)(?=\s*:)
    | (?P<number>[A-Za-z_$0-9.+-]++)
    | (?<=[\w"'\]}]),(?P<space>\s*+)(?=[\]}])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)|\"")


def may_be_relaxed(error: SourceError) -> bool:
    """Whether an error in reading JSON is one that reading it like this could mend."""
    return error.what.startswith("not valid JSON") and error.what != ENDED


class RelaxedText(io.TextIOBase, TextIO):
    """A text of JavaScript literals that is read as JSON, piece by piece.

    Raises SourceError for a piece without a line end that is larger than `limit`.
    """

    def __init__(self, text: TextIO, where: str, limit: int) -> None:
        self._text, self._where, self._limit = text, where, limit
        self._rest = ""
        self._started = False

    def read(self, size: int | None = -1, /) -> str:
        """Some characters, at most by chance as many as asked for; "" at the end."""
        while True:
            chunk = self._text.read(_CHUNK)
            piece = self._rest + chunk
            if not chunk:
                self._rest = ""
                return self._as_json(piece)
            cut = _last_cut(piece)
            self._rest = piece[cut:]
            if cut:
                return self._as_json(piece[:cut])
            if len(piece) > self._limit + _CHUNK:
                raise SourceError(
                    f"has a line of more than {self._limit:,} characters that is not valid JSON",
                    where=self._where,
                    fix="Download the archive again",
                )

    def close(self) -> None:
        self._text.close()
        super().close()

    def _as_json(self, piece: str) -> str:
        start = 0
        if not self._started and piece:
            self._started = True
            start = piece.find("=") + 1
        return piece[:start] + _TOKEN.sub(_token, piece[start:])


def _last_cut(piece: str) -> int:
    """The end of the last line after which no comma or colon of that line is still open."""
    end = len(piece)
    while (end := piece.rfind("\n", 0, end)) >= 0:
        before = end - 1
        while before >= 0 and piece[before] in " \t\r\n":
            before -= 1
        if before >= 0 and piece[before] not in ",:":
            return end + 1
        end = before + 1
    return 0


def _token(found: re.Match[str]) -> str:
    if found["single"] is not None:
        return f'"{_ESCAPE.sub(_escape, found["single"])}"'
    if found["key"] is not None:
        return json.dumps(found["key"])
    if found["space"] is not None:
        return found["space"]
    return found[0].replace("\\'", "'")


def _escape(found: re.Match[str]) -> str:
    if found[0] == '"':
        return '\\"'
    return "'" if found[1] == "'" else found[0]
