"""What counts as a word, with and without spaces, and which texts have too few."""

from __future__ import annotations

import re
import unicodedata

WORDS_NEEDED = 3
_PLAIN_NEEDED = 2
_IDEOGRAPHS = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17b3\u1950-\u19df\u1a20-\u1a7f\uaa60-\uaadf]"
)
_CHARACTERS_A_WORD = 2
_LETTERS_A_WORD = 4


def too_little(text: str) -> str | None:
    """Why a cleaned text is too short to learn from; None if it is not.

    Hashtags and mentions count as words, since they are parts of sentences, but two other words are
    needed. In scripts without spaces, two characters (Han, kana) or four letters (Thai, Lao, Khmer,
    Burmese) count as a word.
    """
    if not text:
        return "nothing left"
    if not any(map(str.isalpha, text)):
        return "no letters"
    plain, marked = 0, 0
    for token in text.split():
        if token.lstrip("(\"'“‘").startswith(("#", "@", "＃", "＠")):
            marked += _words(token)
        else:
            plain += _words(token)
    enough = plain >= _PLAIN_NEEDED and plain + marked >= WORDS_NEEDED
    return None if enough else "fewer than three words"


def _words(token: str) -> int:
    if token.isascii():
        return int(any(map(str.isalnum, token)))
    characters = len(_IDEOGRAPHS.findall(token))
    letters = len(_UNSPACED.findall(token))
    if characters or letters:
        return max(1, characters // _CHARACTERS_A_WORD + letters // _LETTERS_A_WORD)
    return int(any(map(str.isalnum, token)))


def normalize(text: str) -> str:
    """`text` without differences in case, spaces and character forms."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
