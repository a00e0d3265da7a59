"""Escapes: data from outside is text, wherever it stands in a README.

There is one function per kind of place. Active characters become numeric character references,
which Markdown and HTML both show as the character and never read as syntax.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, urlsplit

from markupsafe import Markup

_ZWJ = "\u200d"
# GitHub links addresses after it resolves references. Only a node between the parts of an address
# prevents that, and a comment is an invisible one.
_APART = "<!-- -->"
_ADDRESS = re.compile(r"(?<=[\w.+-])@|(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
_EMAIL = re.compile(r"[A-Za-z0-9.+_-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
# Syntax of CommonMark and GFM (tables, autolinks), bare domains that markdown-it links, and
# GitHub's math and :emoji: codes.
_ACTIVE = re.compile(
    r"""[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])|(?<=[\w.+-])@"""
    r"""|:(?=[\w+-]+:|/)|(?<=mailto):|(?<=xmpp):|(?<=[\w-])\.(?=[^\W\d_])|/(?=/)""",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"""[<>&"'`]""")
_BLOCK_START = re.compile(r"[-+=#]|\d{1,9}[.)](?=\s|$)")


def _reference(match: re.Match[str]) -> str:
    return "".join(f"&#{ord(c)};" for c in match[0])


def _inert(match: re.Match[str]) -> str:
    apart = _APART if _ADDRESS.match(match.string, match.start()) else ""
    return apart + _reference(match)


def visible(text: str) -> str:
    """The visible text on one line: no control or bidi characters, white space collapsed.

    Zero-width joiners stay where they join emoji or shape letters.
    """
    if text.isprintable():  # nothing to remove
        return " ".join(text.split())
    kept = [c for i, c in enumerate(text) if _is_visible(text, i, c)]
    return " ".join("".join(kept).split())


def _is_visible(text: str, index: int, char: str) -> bool:
    if char.isspace():
        return True
    if char in (_ZWJ, "\u200c"):
        return 0 < index < len(text) - 1 and not text[index + 1].isspace()
    if 0xE0020 <= ord(char) <= 0xE007F:  # tags spell the flags of regions
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs") and ord(char) & 0xFFFE != 0xFFFE


def markdown(value: object) -> Markup:
    """Text inside a Markdown sentence, a table cell or the content of an HTML element."""
    return _markdown(str(value))


@lru_cache(maxsize=4096)
def _markdown(text: str) -> Markup:
    if text.isascii() and text.isalnum():  # a number or a word: most of a card
        return Markup(text)
    text = _ACTIVE.sub(_inert, visible(text))
    start = _BLOCK_START.match(text)
    if start:
        text = text[: start.end() - 1] + f"&#{ord(start[0][-1])};" + text[start.end() :]
    return Markup(text)


def isolated(value: object) -> Markup:
    """A name or prediction inside other text; one with right-to-left letters is isolated.

    Without isolation, punctuation and numbers next to it would be drawn on its wrong side.
    """
    text = markdown(value)
    right_to_left = not text.isascii() and any(
        unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text
    )
    return Markup("<bdi>") + text + Markup("</bdi>") if right_to_left else text


def contact(value: object) -> Markup:
    """A contact: a link for an e-mail or https address, else text."""
    text = visible(str(value))
    address = _EMAIL.fullmatch(text) or (link(text) and re.fullmatch(r"[!-;=?-~]+", text))
    return Markup(f"<{text}>") if address else markdown(text)


def attribute(value: object) -> Markup:
    """Text inside a double-quoted HTML attribute."""
    return Markup(_MARKUP.sub(_reference, visible(str(value))))


def link(value: object) -> Markup:
    """An https address for `href`, `src` or a Markdown target; '' for anything else.

    Parentheses, quotes, white space and non-ASCII characters are percent-encoded.
    """
    return _link(str(value).strip())


@lru_cache(maxsize=1024)
def _link(text: str) -> Markup:
    try:
        parts = urlsplit(text)
    except ValueError:
        return Markup("")
    host_is_plain = re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", parts.netloc)
    if parts.scheme != "https" or not host_is_plain:
        return Markup("")
    encoded = quote(text, safe="/:?=&%#+,;@~.-_")
    return Markup(encoded.replace("&", "&amp;"))


def link_path(value: object) -> Markup:
    """A repository id or a file name as the last part of an address."""
    return Markup(quote(str(value).strip(), safe="/-._~"))


def picture(value: object) -> Markup:
    """The address of an image: https, or a file name in the repository; '' for anything else."""
    text = "" if value is None else str(value)
    return Markup(text) if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text) else link(text)


def code(value: object) -> Markup:
    """Text inside inline code or a fence, where references are literal: backticks are replaced."""
    return Markup(visible(str(value)).replace("`", "\u02cb"))


def python_string(value: object) -> Markup:
    """A Python string literal inside a code fence."""
    return Markup(json.dumps(visible(str(value)), ensure_ascii=False).replace("`", r"\x60"))
