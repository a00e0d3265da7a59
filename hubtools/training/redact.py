"""E-mail addresses and phone numbers, replaced before a model can learn them.

A number is taken for a phone number only when its form or what stands before it says so. Dates,
prices, scores, counts, identifiers and years stay as they are; so do phone numbers without any
grouping or context, which nothing tells from an identifier.
"""

from __future__ import annotations

import re

EMAIL = "[e-mail]"
PHONE = "[phone]"

_ADDRESS = re.compile(
    # Not in the middle of a word, and not after an @: @user@host is a handle of the fediverse.
    r"(?<![\w@.%+-])[\w.%+-]*\w@(?:[\w-]+\.)+[^\W\d_]{2,63}(?![\w@]|-\w)"
)
_SEP = r"[ .\-‐‑–/]"
_START = r"(?<![\w.,$€£/+-])"
_END = r"(?!\w|[.,:/-]\d)"
_NOT_A_DATE = r"(?!\d{1,4}(?P<mark>[./-])\d{1,2}(?P=mark)\d{1,4}(?!\d|(?P=mark)\d))"
_NOT_YEARS = r"(?!\d{4}[-–]\d{4}(?!\d)|\d{1,3}(?: 000)+\b)"
_DIGITS = r"\(?\d(?:[ .\-‐‑–/()]{0,2}\d){6,14}"
_AT = r"(?: (?:me|us|him|her|them|now|at|on|no|number|is))"
_PHONES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # tel: 555 0143, call me at 555-0143
        rf"(?P<before>\b(?:tel|telephone|phone|mobile|fax|whatsapp|sms)\b{_AT}*[.:]{{0,2}} ?"
        rf"|\b(?:call|text|dial|ring|cell)\b(?:{_AT}+:?|:) ?)"
        rf"{_NOT_A_DATE}{_NOT_YEARS}{_DIGITS}{_END}",
        rf"(?P<before>\b(?:call|text|dial|ring|cell) )(?:\d{{3}}[.\-‐‑–]\d{{4}}|\d{{10,11}}){_END}",
        # +49 30 1234567, +1 (202) 555-0143, 0044 20 7946 0958
        rf"(?P<before>)(?<![\w+])(?:\+|00(?=[1-9]\d{{0,2}}{_SEP}))"
        rf"[1-9](?:{_SEP}?\(?\d\)?){{8,14}}{_END}",
        # North America: (202) 555-0143, 202-555-0143, 1.202.555.0143, 202 555 0143
        rf"(?P<before>){_START}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[.\-‐‑–])"
        rf"\d{{3}}[ .\-‐‑–]\d{{4}}{_END}",
        rf"(?P<before>){_START}(?<!\d )(?:1 )?\d{{3}} \d{{3}} \d{{4}}{_END}(?! \d)",
        # France: 06 12 34 56 78
        rf"(?P<before>){_START}(?<!\d ){_NOT_A_DATE}0[1-9](?:[ .-]\d\d){{4}}{_END}(?! \d)",
        # An area code with its leading 0: 020 7946 0958, (030) 1234567, 0171/1234567
        rf"(?P<before>){_START}(?<!\d )(?=(?:[ \-/()]{{0,2}}\d){{10,12}}(?![ -]?\d))"
        rf"\(?0[1-9]\d{{0,3}}\)?(?: ?[/-] ?| )\d{{3,8}}(?:[ -]\d{{2,6}}){{0,2}}{_END}",
    )
)


def redact(text: str) -> tuple[str, int]:
    """`text` with `[e-mail]` and `[phone]` where such stood, and how many were replaced."""
    text, count = _ADDRESS.subn(EMAIL, text)
    for form in _PHONES:
        text, found = form.subn(rf"\g<before>{PHONE}", text)
        count += found
    return text, count
