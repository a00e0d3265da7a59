"""Repair of UTF-8 that was decoded as Windows-1252 or Mac Roman.

Old cards show both. Where known text in a card tells which one it was, all of the card is
repaired; otherwise only sequences that nobody types are, so unusual names stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_RUN = re.compile(r"[^\x00-\x7f]+")
_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
    rb"|(?P<headless>[\x90-\xbf][\x80-\xbf]{2})"
)
# Â©, Ã±, the marks and dingbats of U+2000 to U+2FFF, U+FE0F, and the four bytes of an emoji or 𝐚.
_CERTAIN_1252 = re.compile(
    rb"\xc2[\xa1-\xbf]|\xc3[\x80-\xbf]|\xe2[\x80-\xaf][\x80-\xbf]|\xef\xb8\x8f"
    rb"|\xf0[\x9d\x9f][\x80-\xbf]{2}"
)
_CERTAIN_MAC = re.compile(
    rb"\xe2[\x80-\xaf][\x80-\xbf]|\xef\xb8\x8f|\xf0?\x9f[\x80-\xbf]{2}|\xf0\x9d[\x80-\xbf]{2}"
)
_LETTERS = "ªº"
"""Letters in Unicode, but used as marks."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One wrong decoding of UTF-8."""

    name: str
    encode: Callable[[str], bytes]
    certain: re.Pattern[bytes]

    def undo(self, text: str) -> str:
        """`text` with every non-ASCII run decoded again, where that gives UTF-8."""
        return _RUN.sub(lambda run: self._reread(run[0]) or run[0], text)

    def undo_certain(self, text: str) -> str:
        """The same, only for runs of sequences that nobody types."""
        return _RUN.sub(lambda run: self._reread_certain(run[0]) or run[0], text)

    def _reread(self, run: str) -> str | None:
        try:
            data = self.encode(run)
        except UnicodeEncodeError:
            return None
        whole, pieces, position = len(data), [], 0
        while position < whole:
            match = _CHARACTER.match(data, position)
            if match is None:
                return None
            pieces.append(b"\xf0" + match[0] if match["headless"] else match[0])
            position = match.end()
        try:
            text = b"".join(pieces).decode()
        except UnicodeDecodeError:
            return None
        return text if not any(unicodedata.category(c) == "Cc" for c in text) else None

    def _reread_certain(self, run: str) -> str | None:
        try:
            data = self.encode(run)
        except UnicodeEncodeError:
            return None
        position = 0
        while position < len(data):
            match = self.certain.match(data, position)
            if match is None or all(
                char.isalpha() and char not in _LETTERS for char in run[position : match.end()]
            ):
                return None
            position = match.end()
        return self._reread(run)


def _windows_1252(text: str) -> bytes:
    """Bytes that Windows-1252 leaves undefined were kept as control characters."""
    return b"".join(bytes([ord(c)]) if 0x80 <= ord(c) <= 0x9F else c.encode("cp1252") for c in text)


DAMAGES = (
    Damage("windows-1252", _windows_1252, _CERTAIN_1252),
    Damage("mac-roman", lambda text: text.encode("mac_roman"), _CERTAIN_MAC),
)


def mend_by(text: str, witness: str, shown: re.Pattern[str]) -> str:
    """`text` repaired with the decoding that turns one of its matches of `shown` into `witness`.

    Undamaged text has `witness` wherever `shown` matches. Without a match that reveals damage,
    `text` is returned unchanged.
    """
    found = {match[1] for match in shown.finditer(text)} - {witness}
    for damage in DAMAGES:
        if any(damage.undo(match) == witness for match in found):
            return damage.undo(text)
    return text


def mend(text: str) -> str:
    """`text` with certain mojibake repaired, and everything else unchanged.

    A run of characters is repaired if it decodes to nothing but emoji, dingbats, typographic marks
    and, for Windows-1252, Latin-1: `JosÃ©` and `ðŸ¤–`, not `CAFÉ™`.
    """
    for damage in DAMAGES:
        text = damage.undo_certain(text)
    return text
