"""Redaction of personal data, before a model can learn them.

These are e-mail addresses, phone numbers, payment cards, bank accounts (IBAN), IP addresses and
postal addresses. A number counts as one only if its form, its check digits or the words before it
show that. Dates, prices, scores, counts, identifiers, years and versions stay unchanged, and so do
phone numbers without grouping or context, which look like identifiers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

EMAIL = "[e-mail]"
PHONE = "[phone]"
CARD = "[card]"
BANK = "[bank account]"
IP = "[IP address]"
STREET = "[address]"


@dataclass(frozen=True, slots=True)
class PersonalPattern:
    """One way in which personal data are written."""

    pattern: re.Pattern[str]
    mark: str
    holds: Callable[[re.Match[str]], bool] = lambda _: True

    def replace(self, text: str) -> tuple[str, int]:
        """`text` with each match replaced, and the number of replacements."""
        count = 0

        def replaced(match: re.Match[str]) -> str:
            nonlocal count
            if not self.holds(match):
                return match[0]
            count += 1
            return f"{match.groupdict().get('before') or ''}{self.mark}"

        return self.pattern.sub(replaced, text), count


def _is_card(match: re.Match[str]) -> bool:
    """Whether the first digits, length and Luhn checksum are those of a payment card."""
    digits = re.sub(r"\D", "", match[0])
    if len(set(digits)) < 2 or not _ISSUED.match(digits):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(n - 9 if n > 9 else n for n in doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    account = re.sub(r"[ -]", "", match[0]).upper()
    moved = account[4:] + account[:4]
    return len(account) >= 15 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_ipv4(match: re.Match[str]) -> bool:
    """Whether four bytes are not a version: a word before says so, or one of them is above 30."""
    parts = match["ip"].split(".")
    if any(int(part) > 255 or (len(part) > 1 and part[0] == "0") for part in parts):
        return False
    before = match.string[max(0, match.start() - 24) : match.start("ip")]
    if _VERSION.search(before):
        return False
    return _NETWORK.search(before) is not None or max(map(int, parts)) > 30


def _is_ipv6(match: re.Match[str]) -> bool:
    found = match[0]
    try:
        ipaddress.IPv6Address(found)
    except ValueError:
        return False
    return len([part for part in found.split(":") if part]) > 2 and any(map(str.isdigit, found))


_ISSUED = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7]|6[05]|81)\d{14}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|(?:5[0678]|6\d)\d{10,17})\Z"
)
_VERSION = re.compile(
    r"(?:\b(?:v|ver|version|release|build|firmware|chrome|firefox|safari|update|kernel|section)\.?"
    r"|/)[ :]?\Z",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"\b(?:ip|ipv4|address|server|host|ping|ssh|gateway|router)\b[^\n]{0,12}\Z", re.IGNORECASE
)

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
_PHONES = (
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
_CARDS = (
    # Three to five groups of three to seven, with one and the same mark between them, or none.
    r"(?<![\w.,-])\d{4}(?P<between>[ -])\d{4,6}(?:(?P=between)\d{3,7}){1,3}(?![\w-]|[ .,]\d)",
    r"(?<![\w.,-])\d{13,19}(?![\w-]|[.,]\d)",
)
_IBAN = r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])"
_IP_4 = r"(?<![\w.-])(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?![\w-]|\.\w)"
_IP_6 = (
    r"(?<![\w:.])(?=[0-9a-fA-F]{0,4}:[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{6,39}"
    r"(?:(?<!:)|(?<=::))(?![\w:]|\.\d)"
)
_NAME = r"(?:(?:[NSEW]\.?|St\.?|Saint|Old|New|Upper|Lower|\d{1,3}(?:st|nd|rd|th)) )?"
_PROPER = r"[A-Z][a-z'’-]+"
_KINDS = (
    r"(?:Street|Avenue|Road|Boulevard|Lane|Terrace|Crescent|Parkway|Highway|Drive"
    r"|(?:St|Ave|Rd|Blvd|Ln|Pkwy|Dr)(?=[.,\n]|$| (?:NW|NE|SW|SE|N|S|E|W|Apt|Suite|Unit|#)\b))"
)
_NO_YEAR = r"(?<!\b[Ii]n )(?<!since )(?<!until )(?<!from )"
_STREETS = (
    # 221B Baker Street, 1600 Pennsylvania Ave NW; Main and Wall Street are said of much else.
    rf"{_NO_YEAR}(?<![\w$€£.,:/#-])\d{{1,5}}[A-Za-z]? (?!(?:Wall|Main|High|Sesame|Downing) Street)"
    rf"{_NAME}(?:{_PROPER} ){{1,3}}{_KINDS}\.?(?: (?:NW|NE|SW|SE)\b)?(?!\w)",
    r"(?<![\w$€£.,:/#-])\d{1,5}[A-Za-z]? \d{1,3}(?:st|nd|rd|th) (?:Street|Avenue)(?!\w)",
    # Hauptstraße 12, Lange Gasse 3a
    r"(?<!\w)(?:[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|str\.|gasse|allee)|[A-ZÄÖÜ][a-zäöüß]+[ -]"
    r"(?:Straße|Strasse|Str\.|Gasse|Allee)) \d{1,4} ?[a-z]?(?!\w|[.,:]\d)",
    # 12 rue de la Paix, 3 bis, avenue Foch
    r"(?<![\w$€£.,:/#-])\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|impasse|allée|quai|chemin) "
    r"(?:(?:de|du|des|la|le|les) |d['’]|l['’]){0,3}[A-ZÀ-Ý][\w'’-]+(?: [A-ZÀ-Ý][\w'’-]+){0,2}",
)
_CANDIDATE = re.compile(r"[@\d]")
"""Everything that is redacted has one of these."""
PATTERNS = (
    PersonalPattern(_ADDRESS, EMAIL),
    PersonalPattern(re.compile(_IBAN), BANK, _is_iban),
    *(PersonalPattern(re.compile(card), CARD, _is_card) for card in _CARDS),
    PersonalPattern(re.compile(_IP_6), IP, _is_ipv6),
    PersonalPattern(re.compile(_IP_4), IP, _is_ipv4),
    *(PersonalPattern(re.compile(phone, re.IGNORECASE), PHONE) for phone in _PHONES),
    *(PersonalPattern(re.compile(street), STREET) for street in _STREETS),
)


def redact(text: str) -> tuple[str, int]:
    """`text` with marks such as `[e-mail]` for personal data, and the number of replacements.

    Repeats until nothing is found, since a match can hide an adjacent one.
    """
    count, found = 0, 1
    while found and _CANDIDATE.search(text):
        found = 0
        for pattern in PATTERNS:
            text, here = pattern.replace(text)
            found += here
        count += found
    return text, count
