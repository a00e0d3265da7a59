"""Links, and the words and marks that only introduce them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = (
    r"\s<>\"“”„«»「」『』（）【】\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff01-\uff65"
)
_PLACES = r"(?:t\.co|pic\.twitter\.com|pbs\.twimg\.com|youtu\.be|bit\.ly|ow\.ly|goo\.gl|buff\.ly)"
_LINK = re.compile(
    rf"https?://[^{_END}]*"
    rf"|\bhttps?:?/{{0,2}}…|\bhttps?:/{{1,2}}(?=\s|$)"
    rf"|(?<![\w@./-])(?:www\.[^{_END}]+\.[^{_END}]+|{_PLACES}/[^{_END}]+)"
    rf"|(?<![\w@./-])(?:[a-z0-9-]+\.){{1,4}}[a-z]{{2,24}}/(?![\s.,])[^{_END}]*",
    re.IGNORECASE,
)
_HINTS = ("http", "www.", "/")
_MARK = "\x00"
"""Replaces a link; texts have none, since control characters are removed first."""
_MARKS = re.compile(rf"{_MARK}(?:[.,;|]?\s*{_MARK})*")
_BEFORE_STOP = re.compile(rf"[ \t]*{_MARK}([.,;!?])")
_NOTHING_ELSE = re.compile(r"[\s.,;:!?)”\"’']*")
_HASHTAGS = re.compile(r"(?:[ \t.,|]*#\w+)+[ \t.,!?]*")
_ENCLOSED = re.compile(
    rf"\([ \t]*{_MARK}[ \t]*\)|\[[ \t]*{_MARK}[ \t]*\]|<[ \t]*{_MARK}[ \t]*>"
    rf"|[“„«][ \t]*{_MARK}[ \t]*[”“»]|\"[ \t]*{_MARK}[ \t]*\""
)
_OPENING = re.compile(rf"^[ \t]*{_MARK}[ \t]*(?:[:|\-–—»>→•~]+[ \t]+)?", re.MULTILINE)
_CREDIT = re.compile(
    rf"{_MARK}[ \t]*\(?(?:via|h/t)[ \t]+@\w+\)?[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_LEADING = frozenset(":|>»→➔⇒⟶↓~=•")
_POINTING = re.compile(r"[➡⬇↘►▶▸👉👇🔗📎📷🎥][\ufe0e\ufe0f🏻🏼🏽🏾🏿]*\Z")
_BRACKETS = frozenset("([{“„«‘\"'「『（【<")
_PAIRS = {'"': '"', "'": "'"}
_EMOTICON = re.compile(r"(?:^|\s)>?[:;=8xX][-'^o]?[(\[{|<>]+$|</?3$")
_LEADING_WORDS = re.compile(
    r"(?:^|(?<=\s))(?:\(?(?:via|h/t)(?:[ \t]+@\w+\)?)?|cc|at|@)$", re.IGNORECASE
)
_DASHES = ("-", "–", "—", "―", "‒")


def without_links(text: str) -> str:
    """`text` without links, and without what only introduces one at the end of a line.

    That is colons, arrows, bars, dashes, pointing hands, opening brackets and quotation marks,
    `via`, `h/t`, `at` and their handles. From the middle of a sentence only the link is removed.
    """
    if not any(hint in text.lower() for hint in _HINTS):
        return text
    marked = _LINK.sub(_mark, text.replace(_MARK, ""))
    if _MARK not in marked:
        return text
    marked = _ENCLOSED.sub(_MARK, marked)
    marked = _CREDIT.sub(_MARK, _MARKS.sub(_one, marked))
    lines = [_without_mark(line) for line in marked.split("\n")]
    return "\n".join(_without_lead(lines))


def _mark(link: re.Match[str]) -> str:
    """The mark, and punctuation after the link that belongs to the sentence."""
    found = link[0]
    end = found.rstrip(".,;:!?'’…")
    if end.endswith(")") and "(" not in end:
        end = end.rstrip(")")
    tail = found[len(end) :].replace("…", "")
    return _MARK + tail if end and not found.endswith("/…") else _MARK


def _one(marks: re.Match[str]) -> str:
    """Consecutive links are one; line breaks between them stay."""
    return _MARK + "\n" * min(marks[0].count("\n"), 1) if "\n" in marks[0] else _MARK


def _without_mark(line: str) -> str | None:
    """A line without its links; None for a line of nothing else."""
    if _MARK not in line:
        return line
    line = _OPENING.sub("", line)
    head, mark, tail = line.rpartition(_MARK)
    if mark and (_NOTHING_ELSE.fullmatch(tail) or _HASHTAGS.fullmatch(tail)):
        closing = tail.strip(" \t").lstrip(":;,")
        head = trim_lead(head.rstrip(_MARK + " \t"))
        if _HASHTAGS.fullmatch(tail):
            closing = f" {closing}"
        elif not head or not _closes(closing, head):
            closing = ""
        line = head + closing
    line = _BEFORE_STOP.sub(r"\1", line).replace(_MARK, "")
    return line.strip(" \t") or None


def _closes(closing: str, head: str) -> bool:
    """Whether the text after the link belongs to the text before it."""
    if not closing or head[-1:] in ".!?…":
        return closing[:1] in ("”", '"', ")", "’") and _opened(closing[0], head)
    return closing[0] in ".!?" or _opened(closing[0], head)


def _opened(mark: str, head: str) -> bool:
    opening = {"”": "“", ")": "(", "’": "‘"}.get(mark, mark)
    if opening == mark:
        return head.count(mark) % 2 == 1
    return head.count(opening) > head.count(mark)


def _without_lead(lines: list[str | None]) -> Iterator[str]:
    """The remaining lines; a line just above a removed one loses what introduced the link."""
    above: list[str] = []
    for line in lines:
        if line is None:
            while above and not above[-1].strip():
                above.pop()
            above = [*above[:-1], trim_lead(above[-1])] if above else []
        elif line.strip() and above:
            yield from above
            above = [line]
        else:
            above.append(line)
    yield from above


def trim_lead(text: str) -> str:
    """`text` without an ending that only introduces something that was removed."""
    while True:
        text = text.rstrip()
        if not text or _EMOTICON.search(text[-8:]):
            return text
        if (word := _LEADING_WORDS.search(text[-60:])) is not None:
            text = text[: len(text) - len(word[0])]
        elif (pointing := _POINTING.search(text[-4:])) is not None:
            text = text[: len(text) - len(pointing[0])]
        elif _leads(text):
            text = text[:-1]
        else:
            return text


def _leads(text: str) -> bool:
    last = text[-1]
    if last in _DASHES:
        return text[-2:-1].isspace() or text[-2:-1] in _DASHES or len(text) == 1
    if last in _PAIRS:
        return text.count(last) % 2 == 1 and (len(text) == 1 or text[-2].isspace())
    return last in _LEADING or last in _BRACKETS
