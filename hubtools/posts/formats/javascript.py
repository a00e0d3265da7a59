"""JavaScript object literals in an archive's `.js` files: mostly JSON, sometimes reformatted.

Code formatters leave keys without quotes, single quotes, and commas before brackets. That is JSON5,
which pyjson5 reads. It cannot say where a value ends in a longer text, so the end is found here and
a record at a time is decoded; memory stays flat for files of hundreds of megabytes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyjson5

from hubtools.posts.formats.json_stream import JsonStream

_NESTING = 100
_TOKEN = re.compile(
    r""" "[^"\\]*+(?:\\.[^"\\]*+)*+" | '[^'\\]*+(?:\\.[^'\\]*+)*+' | [\[\]{}] """
    r"| (?P<unclosed>[\"'])",
    re.VERBOSE | re.DOTALL,
)


def decode_literal(text: str, start: int) -> tuple[Any, int]:
    """The object or array literal at `start`, and where it ends.

    Raises JSONDecodeError; its message starts with "Unterminated" when `text` ends too early.
    """
    end = _end(text, start)
    try:
        return pyjson5.decode(text[start:end], maxdepth=_NESTING), end
    except pyjson5.Json5DecoderException as error:
        raise json.JSONDecodeError(str(error), text, start) from error


def _end(text: str, start: int) -> int:
    if text[start : start + 1] not in ("{", "["):
        raise json.JSONDecodeError("Expected an object", text, start)
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token["unclosed"]:
            break
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth == 0:
            return token.end()
    raise json.JSONDecodeError("Unterminated literal", text, start)


class JavaScriptStream(JsonStream):
    """A JsonStream that also takes JavaScript's object literals."""

    decoders = (*JsonStream.decoders, decode_literal)
    trailing_commas = True
