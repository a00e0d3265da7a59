"""The keys near the start of a JSON file, which tell formats apart."""

from __future__ import annotations

import re

from hubtools.posts.formats.characters import file_start
from hubtools.posts.formats.container import Container

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]:,]')
_DEPTH = 8


def file_key_paths(container: Container) -> frozenset[str]:
    """The `key_paths` of a source that is a single JSON file; none for others."""
    start = file_start(container)
    return key_paths(start) if start.lstrip()[:1] in ("{", "[") else frozenset()


def key_paths(start: str) -> frozenset[str]:
    """The keys in the start of a JSON text, as paths such as `user.screen_name`.

    Lists do not appear in paths. Keys nested deeper than eight levels are ignored.
    """
    found: set[str] = set()
    here = ""
    stack: list[tuple[str, str]] = []
    key_next = False
    for token in _TOKEN.findall(start):
        if token in "{[":
            stack.append((token, here))
            key_next = token == "{"
        elif token in "}]":
            here = stack.pop()[1] if stack else ""
            key_next = False
        elif token == ",":
            key_next = bool(stack) and stack[-1][0] == "{"
            here = stack[-1][1] if stack else ""
        elif key_next and token != ":":
            above = stack[-1][1]
            here = f"{above}.{token[1:-1]}" if above else token[1:-1]
            if len(stack) <= 2 * _DEPTH and here.count(".") < _DEPTH:
                found.add(here[:500])
            else:
                here = above
            key_next = False
    return frozenset(found)
