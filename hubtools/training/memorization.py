"""Memorization: whether a text repeats a training post, word for word."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

_GRAM = 4  # words looked up at once
_LONG = 8  # words in a row that count as memorized
_NEAR = 0.7  # Jaccard similarity of 4-grams from which two posts count as one
_DROPPED = re.compile(r"https?:\S+|@[\w.]+(?:@[\w.-]+)?")
# Scripts that put no spaces between words: each character is a word of its own.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|[^\W_]+(?:['’][^\W_]+)*"
)


def words(text: str) -> tuple[str, ...]:
    """The words that are compared: NFKC, case-folded, without links and mentions."""
    plain = _DROPPED.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return tuple(re.findall(_UNSPACED, plain))


class TrainingIndex:
    """The 4-grams of the training posts, and the longest run that a text shares with one."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._posts = [words(text) for text in texts]
        self._whole = set(self._posts)
        self._grams: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for number, post in enumerate(self._posts):
            for start in range(len(post) - _GRAM + 1):
                self._grams[post[start : start + _GRAM]].append((number, start))

    def repeats(self, text: str) -> bool:
        """Whether `text` is a training post, or half of it is a run of 8 or more words of one."""
        found = words(text)
        if found in self._whole:
            return True
        run = self.longest_run(found)
        return run >= _LONG and 2 * run >= len(found)

    def is_near(self, text: str) -> bool:
        """Whether `text` is a near-duplicate of a training post, ignoring links and mentions.

        It has the same words, or 7 of 10 of both posts' 4-grams in common.
        """
        found = words(text)
        if found in self._whole:
            return bool(found)
        ours = {found[start : start + _GRAM] for start in range(len(found) - _GRAM + 1)}
        shared = Counter(number for gram in ours for number in self._holding(gram))
        for number, common in shared.most_common(3):
            theirs = max(1, len(self._posts[number]) - _GRAM + 1)
            if common >= _NEAR * (len(ours) + theirs - common):
                return True
        return False

    def _holding(self, gram: tuple[str, ...]) -> set[int]:
        """The posts that have this 4-gram."""
        return {number for number, _ in self._grams.get(gram, ())}

    def longest_run(self, found: Sequence[str]) -> int:
        """Length of the longest run of words that a training post has too; below 4 counts as 0."""
        found, longest = tuple(found), 0
        for start in range(len(found) - _GRAM + 1):
            for number, at in self._grams.get(found[start : start + _GRAM], ()):
                longest = max(longest, _common(found[start:], self._posts[number][at:]))
        return longest


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def distinct_2(texts: Iterable[str]) -> float:
    """Distinct pairs of adjacent words divided by all pairs, 0 to 1 (Li et al., 2016)."""
    pairs = Counter(pair for text in texts for pair in pairwise(words(text)))
    return len(pairs) / max(1, pairs.total())
