"""Facts from the cards of huggingtweets, of every generation from July 2020 to its end.

Their template is model_card/README.md in https://github.com/borisdayma/huggingtweets; 26 versions
of it were used. The notebook beside it filled them in with one string replacement after another.

- One loop over the accounts filled in avatars, names and counts, so the first avatar, name and
  column of counts belong together. The handles were sorted before they were joined: they go to
  `Card.handles`, and only a single one is assigned to its account.
- Names were joined by " & " in the text and by " | " in the table's header, where each count has a
  column. Where a name contains " | " too, the header is split so that it agrees with the text.
- For several accounts, BOT in a name became CYBORG above the table, and RETWEETS, TWEETS_DL and
  the like became the counts. Both are undone where that is certain.
- The base was GPT-2, which is openai-community/gpt2 on the Hub today. Addresses stay as they are.
- What a person added matches no line of the template, and becomes the card's prose.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Any, Literal

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.escape import markdown
from hubtools.cards.legacy_text import LegacyFacts, read_facts
from hubtools.cards.metadata import split_modelled
from hubtools.core.errors import CardError
from hubtools.core.mojibake import mend, mend_by
from hubtools.core.results import PostCounts

_BASE = "openai-community/gpt2"
_SIGNATURE = "github.com/borisdayma/huggingtweets"
_ROBOT = re.compile(r"([^\x00-\x7f]+) AI (?:BOT|CYBORG|Bot)\b")
_ROWS = {
    "downloaded": "TWEETS_DL",
    "reposts": "RETWEETS",
    "dropped": "SHORT_TWEETS",
    "kept": "TWEETS_KEPT",
}
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{2,31});")
_MAX_CELLS = 16
_LONGEST = 200_000  # characters; they have four thousand


class UnknownRepositoryError(CardError):
    """A README that does not name its repository."""

    def __init__(self) -> None:
        super().__init__(
            "does not name its repository", fix="Name the file after the repository: NAME.md"
        )


def is_legacy(body: str) -> bool:
    """Whether a README's body is a card of huggingtweets, edited or not."""
    return len(body) <= _LONGEST and _SIGNATURE in body and "Tweets kept" in body


def read_legacy(data: Mapping[str, Any], body: str, repo: str | None) -> Card:
    """The card of a huggingtweets README with this front matter and body.

    `repo` is the repository's name where it is known; otherwise the usage example names it.
    Raises UnknownRepositoryError when neither does.
    """
    found = read_facts(mend_by(body, "🤖", _ROBOT))
    modelled, metadata = split_modelled(data)
    name = repo or (found.facts.get("model") or "").rpartition("/")[2]
    if not name:
        raise UnknownRepositoryError
    handles = _handles(found)
    accounts = _accounts(found, handles)
    return Card(
        repo=name,
        base_model=modelled.pop("base_model", _BASE),
        accounts=accounts,
        handles=() if len(accounts) == 1 else handles,
        runs=_runs(found),
        metadata=metadata,
        prose=_prose(found, accounts),
        **modelled,
    )


def _handles(found: LegacyFacts) -> tuple[str, ...]:
    """In the order of the card; handles on X contain no '-'."""
    joined = found.facts.get("handles") or ""
    alone = len(found.columns("kept")) < 2
    return tuple([joined] if alone and joined else filter(None, joined.split("-")))


def _accounts(found: LegacyFacts, handles: tuple[str, ...]) -> tuple[CardAccount, ...]:
    counts = _counts(found)
    number = len(counts) or max(1, len(found.avatars))
    names = _names(found, number)
    avatars = [*found.avatars, *[None] * number]
    return tuple(
        CardAccount(
            handle=handles[0] if number == 1 and handles else None,
            name=names[i],
            network="x",
            avatar=avatars[i],
            posts=counts[i] if counts else None,
        )
        for i in range(number)
    )


def _counts(found: LegacyFacts) -> list[PostCounts]:
    rows = [found.columns(kind) for kind in _ROWS]
    if not all(rows) or len({len(row) for row in rows}) > 1:
        return []
    return [
        PostCounts(**dict(zip(_ROWS, numbers, strict=True))) for numbers in zip(*rows, strict=True)
    ]


def _names(found: LegacyFacts, number: int) -> list[str | None]:
    text, header = found.facts.get("names"), found.facts.get("header")
    raw: list[str] | None = None
    if number == 1:
        only = header or text
        raw = None if only is None else [only]
    elif header is not None:
        raw = _cut(header, text or "", number, _replaced(found))
    elif text is not None and text.count(" & ") == number - 1:
        raw = text.split(" & ")
    return [None] * number if raw is None else [_shown(name) for name in raw]


def _replaced(found: LegacyFacts) -> Mapping[str, str]:
    """What the placeholders of the table's rows became, where that is certain."""
    rows = {word: " | ".join(map(str, found.columns(kind))) for kind, word in _ROWS.items()}
    counted = Counter(rows.values())
    return {row: word for word, row in rows.items() if row and counted[row] == 1}


def _cut(header: str, text: str, number: int, words: Mapping[str, str]) -> list[str] | None:
    """The header split into `number` names; None where " | " in a name makes it ambiguous."""
    cells = header.split(" | ")
    if len(cells) == number:
        return cells
    for row, word in words.items():
        header, text = header.replace(row, word), text.replace(row, word)
    cells = header.split(" | ")
    if not number <= len(cells) <= _MAX_CELLS:
        return None
    found = []
    for inner in combinations(range(1, len(cells)), number - 1):
        names = [" | ".join(cells[a:b]) for a, b in pairwise([0, *inner, len(cells)])]
        joined = " & ".join(names)
        if text in (joined, joined.replace("BOT", "CYBORG")):
            found.append(names)
    return found[0] if len(found) == 1 else None


def _shown(name: str) -> str | None:
    """The name as a page showed it: references resolved, white space collapsed, mojibake undone."""
    read = _REFERENCE.sub(lambda match: html.unescape(match[0]), name)
    return " ".join(mend(read).split()) or None


def _runs(found: LegacyFacts) -> tuple[RunLink, ...]:
    kinds: tuple[Literal["dataset", "training", "report"], ...] = ("dataset", "training", "report")
    return tuple(RunLink(kind=kind, url=url) for kind in kinds if (url := found.facts.get(kind)))


def _prose(found: LegacyFacts, accounts: tuple[CardAccount, ...]) -> str | None:
    lines = []
    if epochs := found.facts.get("epochs"):
        lines.append(f"Trained for {epochs} epochs.")
    if (names := found.facts.get("names")) and not any(account.name for account in accounts):
        lines.append(f"Made of the tweets of {markdown(_shown(names))}.")
    if not any(account.posts for account in accounts):
        rows = {kind: found.facts.get(kind) for kind in _ROWS}
        lines += [f"Tweets {kind}: {markdown(row)}" for kind, row in rows.items() if row]
    return "\n\n".join([*lines, *filter(None, [found.rest])]) or None
