"""Characters that were decoded wrongly, escaped, or are invisible."""

from __future__ import annotations

import html
import re
import unicodedata

from hubtools.core.mojibake import mend

_ENTITY = re.compile(r"&(?:amp;)*(?:amp|lt|gt|quot|apos|nbsp|hellip|[lr][sd]quo|[mn]dash"
                     r"|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")  # fmt: skip
_AMPERSANDS = re.compile("&(?:amp;)+")
_TWICE = re.compile(r"[_\x80-\U0010ffff]*[\x80-\U0010ffff][_\x80-\U0010ffff]*")
_SEEN_TWICE = ("‰", "_Ù", "_ô", "äó", "äÊ", "äì", "äå", "åÊ")
_LOST = re.compile("‰_|_Ù|_ô")
"""What remains of an emoji that lost a byte."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufff9-\ufffc]")
_LINE_END = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe0e\ufe0f"
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_NEVER = "\u00ad\u180e\u2060\u2061\u2062\u2063\u2064\ufeff"
_BREAK = "\u200b"
_TAG = re.compile("(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+")
_INVISIBLE = re.compile(f"[{_JOINERS}{_SELECTORS}{_DIRECTIONS}{_NEVER}{_BREAK}]")
_BREAKABLE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf]")
_JOINING = re.compile("[\u0600-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def undo_entities(text: str) -> str:
    """`text` without HTML entities, however often it was escaped."""
    if "&" not in text:
        return text
    text = _AMPERSANDS.sub("&", text)
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)


def repair(text: str) -> str:
    """`text` with unmistakable mojibake decoded."""
    if text.isascii():
        return text
    if any(mark in text for mark in _SEEN_TWICE):
        text = _TWICE.sub(_from_macintosh, text)
    return mend(text)


def _from_macintosh(run: re.Match[str]) -> str:
    """UTF-8 decoded as Windows-1252, then encoded as Mac Roman and decoded again, once or twice.

    Spreadsheets on a Macintosh did that. Characters that Mac Roman lacks became `_`.
    """
    text = run[0]
    for _ in range(2):
        text = "".join(map(_as_mac_roman, text))
        if (found := _as_utf8(text)) is not None:
            return found
    return "" if _LOST.search(run[0]) else run[0]


def _as_mac_roman(char: str) -> str:
    """Control characters are bytes that Windows-1252 does not define; they stay unchanged."""
    try:
        return char.encode("cp1252").decode("mac_roman")
    except UnicodeEncodeError:
        return char


def _as_utf8(text: str) -> str | None:
    """These Windows-1252 characters decoded as UTF-8; None for letters, which may be intended."""
    try:
        data = b"".join(c.encode("cp1252") if not 0x80 <= ord(c) < 0xA0 else bytes([ord(c)])
                        for c in text)  # fmt: skip
        data = re.sub(rb"\xe2\x80_", b"\xe2\x80\xa6", data)
        data = re.sub(rb"_(?=\x9f[\x80-\xbf]{2})", b"\xf0", data)
        read = data.decode()
    except UnicodeError:
        return None
    return None if any(c.isalpha() for c in read) else read


def with_plain_line_ends(text: str) -> str:
    """`text` with `\\n` for every kind of line end."""
    return _LINE_END.sub("\n", text)


def without_invisible(text: str) -> str:
    """`text` without invisible characters, except where emoji or scripts need them.

    Joiners stay between emoji and within words of scripts that use them, break marks next to
    scripts without spaces, and direction marks in right-to-left text.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    text = _TAG.sub("", _CONTROLS.sub("", text))
    if _INVISIBLE.search(text) is None:
        return text
    kept: list[str] = []
    for place, char in enumerate(text):
        if _INVISIBLE.match(char) is None or _is_needed(char, kept, text[place + 1 : place + 2]):
            kept.append(char)
    while kept and kept[-1] in _JOINERS + _BREAK:
        kept.pop()
    directed = _RIGHT_TO_LEFT.search(text) is not None
    return "".join(char for char in kept if directed or char not in _DIRECTIONS)


def _is_needed(char: str, before: list[str], after: str) -> bool:
    last = before[-1] if before else " "
    if char in _SELECTORS:
        return not last.isspace() and not last.isalpha() and last not in _SELECTORS
    if char in _JOINERS:
        emoji = _is_emoji(last) and _is_emoji(after)
        return emoji or (_JOINING.match(last) is not None and _JOINING.match(after) is not None)
    if char == _BREAK:
        return _BREAKABLE.match(last) is not None and _BREAKABLE.match(after) is not None
    return char in _DIRECTIONS


def _is_emoji(char: str) -> bool:
    return char in _SELECTORS or unicodedata.category(char or " ") in ("So", "Sk", "Sm")
