"""Data as block YAML: what PyYAML's Python emitter writes, at twenty times its speed.

Two things differ on purpose: emoji are not escaped (PyYAML escapes everything beyond U+FFFF), and
a long or empty key stays on one line as far as readers allow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

# Plain style only where every YAML 1.1 or 1.2 reader sees exactly this string.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*(?: [A-Za-z][A-Za-z0-9]*)*")
# In YAML 1.1 and 1.2, in any case.
_RESERVED = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"]
)
_ESCAPED = re.compile(
    r'["\\\u2028\u2029\ufeff]|[^ -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]'
)
_SHORT = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
    "\x1b": "e", '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip
_LONGEST_KEY = 1000
"""Readers search for a key's colon within 1,024 characters."""


class Verbatim(str):
    """YAML on one line that is written verbatim."""

    __slots__ = ()


def emit_yaml(data: Mapping[str, Any]) -> str:
    """`data` as block YAML, keys in their order, lines never wrapped.

    Strings are quoted wherever a YAML 1.1 or 1.2 reader could read them as something else. A time
    of day, which YAML has no type for, becomes a string. Raises TypeError for anything but
    mappings, sequences, dates and plain values.
    """
    if not data:
        return "{}\n"
    out: list[str] = []
    _mapping(data, "", "", out)
    return "".join(out)


def _mapping(data: Mapping[Any, Any], lead: str, pad: str, out: list[str]) -> None:
    """Entries indented by `pad`; the first one follows `lead` on its line."""
    for key, value in data.items():
        name = _scalar(key)
        out.append(f"{lead}{name}:" if len(name) < _LONGEST_KEY else f"{lead}? {name}\n{pad}:")
        lead = pad
        if isinstance(value, str):
            out.append(f" {_scalar(value)}\n")
        elif isinstance(value, Mapping) and value:
            out.append("\n")
            deeper = pad + "  "
            _mapping(value, deeper, deeper, out)
        elif isinstance(value, list | tuple) and value:
            out.append("\n")
            _sequence(value, pad, pad, out)
        else:
            out.append(f" {_scalar(value)}\n")


def _sequence(values: list[Any] | tuple[Any, ...], lead: str, pad: str, out: list[str]) -> None:
    for value in values:
        out.append(lead + "- ")
        lead = pad
        if isinstance(value, Mapping) and value:
            _mapping(value, "", pad + "  ", out)
        elif isinstance(value, list | tuple) and value:
            _sequence(value, "", pad + "  ", out)
        else:
            out.append(f"{_scalar(value)}\n")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return str(value) if isinstance(value, Verbatim) else _string(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f'"{value.isoformat()}"'
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"front matter cannot hold a {type(value).__name__}")


@lru_cache(maxsize=4096)
def _string(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _SHORT:
        return "\\" + _SHORT[char]
    code = ord(char)
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}"


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 reads 1e17 as a string.
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text
