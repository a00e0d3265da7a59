"""Train, validation and test: the three sets that an account's posts are split into."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from hubtools.core.errors import PolicyError
from hubtools.corpus.corpus import KeptPost

TEST_FRACTION = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The posts of one account; no text is in two of the sets (case and spaces aside)."""

    train: tuple[KeptPost, ...]
    """In the order of the account."""
    validation: tuple[KeptPost, ...] = ()
    """Steers training (epochs, early stopping); newest first, empty where nothing steers."""
    test: tuple[KeptPost, ...] = ()
    """Judges the finished model, once; newest first."""


def split_posts(
    kept: Sequence[KeptPost], *, val_fraction: float = 0.0, test_fraction: float = TEST_FRACTION
) -> Split:
    """Split an account's posts: the newest are the test set, the newest of the rest validate.

    Both fractions are rounded down, to at least one post; 0 leaves that set empty. Where a date
    is missing, the SHA-256 of the texts gives the order. A text that is also in the older part is
    left out of both; if that leaves a set empty, it takes more posts until it has one.
    Raises PolicyError when there are too few different texts.
    """
    train = tuple(kept)
    validation: tuple[KeptPost, ...] = ()
    test: tuple[KeptPost, ...] = ()
    if test_fraction:
        train, test = _split_newest(train, test_fraction)
    if val_fraction:
        train, validation = _split_newest(train, val_fraction)
    return Split(train=train, validation=validation, test=test)


def _split_newest(
    kept: Sequence[KeptPost], fraction: float
) -> tuple[tuple[KeptPost, ...], tuple[KeptPost, ...]]:
    newest_first = _newest_first(kept)
    keys = [" ".join(kept[index].text.casefold().split()) for index in newest_first]
    last = {key: place for place, key in enumerate(keys)}
    if len(last) < 2:
        raise PolicyError(
            "the posts kept have fewer than two different texts, too few to split",
            fix="Choose a source with more posts",
        )
    # A text is new only where its last occurrence is among the newest as well.
    count = max(int(len(kept) * fraction), 1 + min(last.values()))
    older = set(keys[count:])
    newest = zip(newest_first[:count], keys, strict=False)
    return (
        tuple(kept[index] for index in sorted(newest_first[count:])),
        tuple(kept[index] for index, key in newest if key not in older),
    )


def _newest_first(kept: Sequence[KeptPost]) -> list[int]:
    """Indices into `kept`, the newest post's first; without all dates, by the hash of the text."""
    hashes = [hashlib.sha256(post.text.encode()).hexdigest() for post in kept]
    times = [post.created.timestamp() for post in kept if post.created is not None]
    if len(times) < len(kept):
        times = [0.0] * len(kept)
    return sorted(range(len(kept)), key=lambda index: (times[index], hashes[index]), reverse=True)
