"""From a source's bytes to its author's characters: encodings and escapes."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import Any, TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.container import Container

_CHUNK = 1 << 20
_X_ESCAPES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_UNSOUND = re.compile(r"[\0\ud800-\udfff]")
_C1_CONTROLS = "hubtools.c1"


def _as_c1_control(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(map(chr, error.object[error.start : error.end])), error.end


# Windows-1252 as the WHATWG Encoding Standard has it: the five bytes without a character of
# their own stand for the C1 control of the same number.
codecs.register_error(_C1_CONTROLS, _as_c1_control)


@dataclass(frozen=True, slots=True)
class TextMember:
    """A member that was gone through once and is known to be text."""

    container: Container
    name: str
    utf8: bool

    @property
    def where(self) -> str:
        return self.container.where(self.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of its encoding."""
        if self.utf8:
            return ()
        return (f"{self.where} is not UTF-8 and was read as Windows-1252.",)

    def open(self) -> TextIO:
        """Its characters, line ends as they are, without a byte order mark."""
        raw = self.container.open(self.name)
        if self.utf8:
            return io.TextIOWrapper(raw, "utf-8-sig", newline="")
        return io.TextIOWrapper(raw, "cp1252", _C1_CONTROLS, newline="")


def text_member(container: Container, name: str, digest: Any = None) -> TextMember:
    """Go through a member once: find its encoding and feed its bytes to `digest` (a hashlib hash).

    It is UTF-8 when all of it is, else Windows-1252. Raises SourceError with the line of the
    first NUL byte, which no text in either encoding has.
    """
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with container.open(name) as stream:
        while chunk := stream.read(_CHUNK):
            if digest is not None:
                digest.update(chunk)
            if (nul := chunk.find(b"\0")) >= 0:
                raise _not_text(container.where(name), line + chunk.count(b"\n", 0, nul))
            line += chunk.count(b"\n")
            decoder = _still_decodes(decoder, chunk)
    return TextMember(container, name, _still_decodes(decoder, b"", final=True) is not None)


def opening(container: Container, name: str) -> str:
    """The first 64 KiB of a member, as far as they are UTF-8, to tell what it is."""
    with container.open(name) as stream:
        return stream.read(1 << 16).decode("utf-8", "replace").removeprefix("\ufeff")


def _still_decodes(
    decoder: codecs.IncrementalDecoder | None, chunk: bytes, final: bool = False
) -> codecs.IncrementalDecoder | None:
    try:
        if decoder is not None:
            decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return None
    return decoder


def _not_text(where: str, line: int) -> SourceError:
    return SourceError(
        "contains NUL bytes, so it is not text in UTF-8",
        where=f"{where}:{line}",
        fix="Export it again as UTF-8",
    )


def undo_x_escapes(text: str) -> str:
    """`text` without X's escapes `&amp;`, `&lt;` and `&gt;`, undone in one pass."""
    if "&" not in text:
        return text
    return re.sub("&(?:amp|lt|gt);", lambda found: _X_ESCAPES[found[0]], text)


def sound(text: str) -> str:
    """`text` so that it can be written as UTF-8: half a surrogate pair and NUL become U+FFFD."""
    return _UNSOUND.sub("\ufffd", text)


def language_code(value: object) -> str | None:
    """A language as ISO 639 writes it; None for X's "und" and its codes for posts without words.

    X says `in` and `iw` for what is `id` and `he` today, and `qme`, `zxx` and the like for media.
    """
    code = str(value or "").partition("-")[0].lower()
    if not re.fullmatch("[a-z]{2}|[a-pr-z][a-z]{2}", code) or code in ("und", "zxx", "art"):
        return None
    return {"in": "id", "iw": "he"}.get(code, code)
