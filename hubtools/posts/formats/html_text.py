"""From the HTML of a Mastodon status to the text its author typed.

Mastodon writes `<p>`, `<br>` and abbreviated links; other fediverse software adds lists, quotes and
fallbacks. https://docs.joinmastodon.org/spec/activitypub/
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_PARAGRAPHS = frozenset(("p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"))
_LINES = frozenset(("li", "tr"))
_NOT_TEXT = frozenset(("script", "style", "template", "title"))
_NOT_SHOWN = frozenset(("invisible", "quote-inline"))
# html.parser takes quadratic time for tags that never end and raises for some declarations, so
# everything that is not a complete tag is escaped first.
_NOT_A_TAG = re.compile(r"<(?!/?[a-zA-Z][^<>]*>)")
_ADDRESS = re.compile(r"https?://\S+")


def html_to_text(html: str) -> str:
    """The text of `html`: paragraphs and `<br>` as line breaks, entities as characters.

    A link whose text is its own address becomes that address in full, as the author typed it; any
    other link becomes its text. Hidden text (`invisible` spans, and the `quote-inline` line that
    repeats a quoted post's address) is dropped. Never raises: elements that are not closed end with
    the text.
    """
    return _StatusParser(_NOT_A_TAG.sub("&lt;", _without_comments(html))).text()


def _without_comments(html: str) -> str:
    pieces, place = [], 0
    while (start := html.find("<!--", place)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        pieces.append(html[place:start])
        place = end + 3
    return "".join([*pieces, html[place:]])


class _StatusParser(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._breaks = 0
        self._hidden: list[str] = []
        self._link: list[tuple[bool, str]] | None = None
        self.feed(html)
        self.close()
        self._end_link()

    def text(self) -> str:
        lines = "".join(self._pieces).split("\n")
        return "\n".join(line.rstrip(" \t") for line in lines).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        hides = tag in _NOT_TEXT or not _NOT_SHOWN.isdisjoint(classes)
        if tag == "br":
            self._end_link()
            self._breaks += 0 if self._hidden else 1
        elif self._hidden:
            self._hidden += [tag] if tag == self._hidden[0] else []
        elif hides:
            self._hidden = [tag]
        elif tag == "a":
            self._end_link()
            self._link = []
        else:
            self._block(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag == self._hidden[0]:
                self._hidden.pop()
        elif tag == "a":
            self._end_link()
        else:
            self._block(tag)

    def handle_data(self, data: str) -> None:
        first, *more = re.split(r"[\r\n]+", data)
        line = " ".join([first.rstrip(), *(part.strip() for part in more)]) if more else first
        if self._link is not None:
            self._link.append((not self._hidden, line))
        elif not self._hidden:
            self._write(line)

    def _block(self, tag: str) -> None:
        least = 2 if tag in _PARAGRAPHS else 1 if tag in _LINES else 0
        if least:
            self._end_link()
            self._breaks = max(self._breaks, least)

    def _end_link(self) -> None:
        if self._link is None:
            return
        whole = "".join(text for _, text in self._link).strip()
        shown = "".join(text for is_shown, text in self._link if is_shown)
        self._link = None
        self._write(whole if _ADDRESS.fullmatch(whole) else shown)

    def _write(self, text: str) -> None:
        if self._breaks or not self._pieces:
            text = text.lstrip(" ")
        if text:
            self._pieces += ["\n" * self._breaks if self._pieces else "", text]
            self._breaks = 0
