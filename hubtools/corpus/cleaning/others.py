"""Words of others within a post: manual reposts and quotes, and the addressees of a reply."""

from __future__ import annotations

import re

_HANDLE = r"[@＠]\w+(?:@[\w-]+(?:\.[\w-]+)+|(?:\.[\w-]+)+(?=\s|:))?"
_PASSED_ON = re.compile(rf"(?:^|(?<=[\s.!?…|>\"“(/]))(?:RT|MT)[ :]*[\"“]?{_HANDLE}:")
_PASSED_ON_FIRST = re.compile(rf"\s*[\"“]?(?:RT|MT|rt)[ :]*[\"“]?{_HANDLE}(?=[\s:]|$)")
_QUOTED = re.compile(rf"(?:^|(?<=\s))[\"“„«]\s?\.?{_HANDLE}(?::|\s+(?=\.?@))")
_CLOSING = '”"»'
_CHAIN = re.compile(rf"\s*(?:{_HANDLE}[\s,]+)*{_HANDLE}(?=\s|$)")
_LAST = re.compile(rf"{_HANDLE}$")
_SUBJECT = re.compile(
    r"\s+(?:(?:is|are|was|were|has|have|had|will|would|can|could|should|must|may|might|does|did|says|said|"
    r"and|or|&|just|now|needs|wants|makes|made|goes|gets|got|looks|seems|knows|released|"
    r"ist|sind|war|hat|haben|wird|kann|und|est|sont|a|ont|était|et|es|son|fue|tiene|y)\b|&)"
)


def without_quoted_posts(text: str) -> str:
    """A post's own words: without everything from `RT @name:` on, and without `“@name: …”`."""
    if "@" not in text and "＠" not in text:
        return text
    if _PASSED_ON_FIRST.match(text):
        return ""
    if (passed_on := _PASSED_ON.search(text)) is not None:
        text = text[: passed_on.start()].rstrip('"“( \n|>/')
    if (quoted := _QUOTED.search(text)) is not None:
        before = text[: quoted.start()].rstrip()
        rest = text[quoted.end() :]
        end = max(map(rest.rfind, _CLOSING))
        after = rest[end + 1 :].strip() if end >= 0 else ""
        text = f"{before} {after}".strip()
    return text


def without_addressees(text: str) -> str:
    """`text` without the handles that a reply begins with."""
    chain = _CHAIN.match(text)
    return text[chain.end() :].lstrip(" \t\n,") if chain else text


def without_likely_addressees(text: str) -> str:
    """The same for sources that do not mark replies.

    A last handle that the sentence needs stays, as in `@name is late`.
    """
    chain = _CHAIN.match(text)
    if chain is None:
        return text
    if _SUBJECT.match(text, chain.end()) is None:
        return text[chain.end() :].lstrip(" \t\n,")
    last = _LAST.search(chain[0])
    return text[last.start() :] if last else text


def without_several_addressees(text: str) -> str:
    """The same for posts that the source does not mark as replies, as it does for replies to
    deleted posts.

    A single handle is what the post is about; two or more are addressees.
    """
    chain = _CHAIN.match(text)
    several = chain is not None and len(chain[0].split()) > 1
    return without_likely_addressees(text) if several else text
