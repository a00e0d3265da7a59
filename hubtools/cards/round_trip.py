"""The card's data in a README, as a comment near its end, so that a README restores its card.

The visible text rounds numbers, and a user's template may leave anything out. The comment is one
line of ASCII JSON in which no character can end the comment. Metadata that the front matter holds
is not repeated.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubtools.cards.card import Card, present_fields
from hubtools.core.errors import CardError
from hubtools.core.toml_tables import decode

_OPENING = "<!-- hubtools card "
_COMMENT = re.compile(r"^" + _OPENING + r"(\{[^<>\n]*\}) -->[ \t]*(?:\n|\Z)", re.MULTILINE)
_IN_JSON = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
_SHORT = 16


@dataclass(frozen=True, slots=True)
class EmbeddedCard:
    """The data in a README: the card without `metadata`, and which front matter is metadata."""

    card: Card
    metadata: tuple[str, ...]
    """The keys of the front matter that are the card's `[metadata]`."""
    body: str
    """A digest of the visible text below the front matter."""

    def made(self, body: str) -> bool:
        return self.body == _digest(body)


def embed(card: Card, body: str) -> str:
    """The comment for a README of `card` with this body; '' when it would hold nothing."""
    kept = _without_front_matter(card) if card.body == "own" else card
    if card.state == "retired":
        kept = Card(repo=card.repo, state="retired")
    elif kept == Card(repo=card.repo, body="own"):
        return ""
    fields = present_fields(replace(kept, metadata={}, comments=(), pulled=None))
    if kept.state == "published":  # the default
        del fields["state"]
    data: dict[str, Any] = {"card": fields}
    if card.metadata:
        data["metadata"] = list(card.metadata)
    data["body"] = _digest(body)
    text = json.dumps(data, separators=(",", ":")).translate(_IN_JSON).replace("--", r"-\u002d")
    return f"{_OPENING}{text} -->"


def extract(body: str) -> tuple[EmbeddedCard | None, str]:
    """The data in a README's body (without its digest line), and the body without the comment.

    Text that a person added below the comment ends the body. Raises CardError for data that is
    not a card's.
    """
    match = _COMMENT.match(body, max(0, body.rfind(_OPENING)))
    if match is None:
        return None, body
    try:
        data = json.loads(match[1])
        keys, digest = data.get("metadata", []), data["body"]
        table = data["card"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CardError("the data at the end of the README is damaged") from error
    if not isinstance(table, dict) or not isinstance(keys, list) or not isinstance(digest, str):
        raise CardError("the data at the end of the README is damaged")
    card = decode(table, Card, Path("README.md"), CardError)
    rest = body[: match.start()] + body[match.end() :].lstrip("\n")
    return EmbeddedCard(card, tuple(map(str, keys)), digest), rest


def facts_of(card: Card) -> Card:
    """The facts of `card` that a person's own text and front matter do not hold."""
    return _without_front_matter(replace(card, body="own"))


def _without_front_matter(card: Card) -> Card:
    return replace(
        card, language=None, base_model=None, prompt=None, tags=(), thumbnail=None,
        metadata={}, comments=(), prose=None,
    )  # fmt: skip


def _digest(body: str) -> str:
    return hashlib.sha256(body.strip().encode()).hexdigest()[:_SHORT]
