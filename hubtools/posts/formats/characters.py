"""From a source's bytes to its author's characters: encodings and language codes."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import Any, TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import Container, FileContainer

_CHUNK = 1 << 20
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
    """A member that was read once and is known to be text."""

    container: Container
    name: str
    utf8: bool

    @property
    def where(self) -> str:
        return self.container.where(self.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about its encoding."""
        if self.utf8:
            return ()
        return (f"{self.where} is not UTF-8; it was read as Windows-1252.",)

    def open(self) -> TextIO:
        """Its characters without a byte order mark, line ends unchanged."""
        raw = self.container.open(self.name)
        if self.utf8:
            return io.TextIOWrapper(raw, "utf-8-sig", newline="")
        return io.TextIOWrapper(raw, "cp1252", _C1_CONTROLS, newline="")


def text_member(container: Container, name: str, digest: Any = None) -> TextMember:
    """Read a member once to find its encoding, updating `digest` (a hashlib hash) with its bytes.

    A member that is valid UTF-8 throughout is UTF-8; any other is Windows-1252. Raises SourceError
    with the line of the first NUL byte, which text in neither encoding contains.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, line = True, 1
    with container.open(name) as stream:
        while chunk := stream.read(_CHUNK):
            if digest is not None:
                digest.update(chunk)
            if (nul := chunk.find(b"\0")) >= 0:
                line += chunk.count(b"\n", 0, nul)
                raise SourceError(
                    "contains NUL bytes, so it is not UTF-8 text",
                    where=f"{container.where(name)}:{line}",
                    fix="Export it again as UTF-8",
                )
            line += chunk.count(b"\n")
            utf8 = utf8 and _decodes(decoder, chunk)
    return TextMember(container, name, utf8 and _decodes(decoder, b"", final=True))


def file_start(container: Container) -> str:
    """The first 64 KiB of a single file, as UTF-8 as far as possible; "" for other sources."""
    if not isinstance(container, FileContainer):
        return ""
    with container.open(container.names[0]) as stream:
        return stream.read(1 << 16).decode("utf-8", "replace").removeprefix("\ufeff")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def language_code(value: object) -> str | None:
    """An ISO 639 code in lower case; None for "und" and X's codes for posts without words.

    X writes `in` and `iw` for today's `id` and `he`, and `qme`, `zxx` and others for media.
    """
    code = str(value or "").partition("-")[0].lower()
    if not re.fullmatch("[a-z]{2}|[a-pr-z][a-z]{2}", code) or code in ("und", "zxx", "art"):
        return None
    return {"in": "id", "iw": "he"}.get(code, code)
